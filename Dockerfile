# One image for all hosts of a fleet: `serve` (the default) and `worker`, with ffmpeg, its sandbox and every adapter.
#
#   docker build --tag ffkiln .
#   docker run --rm --publish 8080:8080 --volume ffkiln:/data --env-file secrets.env \
#     --security-opt seccomp=examples/fleet/seccomp.json --security-opt apparmor=unconfined --security-opt systempaths=unconfined ffkiln
#
# The three options are for the sandbox around each ffmpeg, which makes namespaces of its own as an ordinary user. Without
# them the server refuses to start and says so; docs/fleet.md tells what each is for, and what was tried without Docker.

# Debian 12: its ffmpeg 5.1 is the one whose tables come with ffkiln. Another one is asked for its options at the start.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 make g++ \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
# Against the headers of this very Node, without a download.
RUN npm_config_nodedir=/usr/local npm rebuild better-sqlite3 --ignore-scripts=false --build-from-source
COPY . .
RUN npm run build
# Optional peers are not what `--omit=dev` keeps: first they are made dependencies. The lock file still decides on versions.
RUN node examples/fleet/production.mjs package.json \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends bubblewrap ca-certificates ffmpeg fonts-dejavu-core \
  && rm -rf /var/lib/apt/lists/*
# A number that Kubernetes can check with runAsNonRoot, and that a volume can be given to.
RUN groupadd --gid 10001 ffkiln \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ffkiln \
  && install -d -o 10001 -g 10001 /data
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/cli dist/cli
COPY --from=build /app/dist/core dist/core
COPY --from=build /app/dist/adapters dist/adapters
COPY --from=build /app/dist/hosts dist/hosts
USER 10001:10001
VOLUME /data
EXPOSE 8080
# Slim images have no curl. A worker answers too, once it is given --port.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No init before it: both commands listen for SIGTERM themselves, and runs that were cut off left no zombies behind.
ENTRYPOINT ["node", "dist/cli/ffkiln.js"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--data", "/data"]
