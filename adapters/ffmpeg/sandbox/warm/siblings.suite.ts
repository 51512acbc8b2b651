import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Deferred, Effect, Fiber } from "effect"
import type { Start } from "../launch.js"
import { openWorkRoot, type WorkRoot, workDirectory } from "../work-directory.js"
import { loaded, type Place, pathOf } from "./loaded.suite.js"

/** A run of perl, as far as a word that it says. */
const begun = (
  start: Start,
  root: WorkRoot,
  script: string,
  args: ReadonlyArray<string>,
  word: string,
  content = ""
) =>
  Effect.gen(function* () {
    const work = yield* workDirectory(root)
    writeFileSync(join(work.in, "secret.txt"), content)
    const reached = yield* Deferred.make<string>()
    let [said, complaints] = ["", ""]
    const sinks = {
      onStdout: (chunk: Uint8Array) => {
        said += Buffer.from(chunk)
        if (said.endsWith(`${word}\n`)) Deferred.unsafeDone(reached, Effect.succeed(said))
      },
      onStderr: (chunk: Uint8Array) => {
        complaints += Buffer.from(chunk)
      }
    }
    const end = yield* start("ffmpeg", ["-e", `$| = 1; ${script}`, ...args], work, sinks)
    let over = false
    const early = Effect.map(end, (ended) => {
      over = true
      return `${JSON.stringify(ended)} ${said} ${complaints}`
    })
    const watched = yield* Effect.forkScoped(early)
    return {
      work,
      said: yield* Effect.raceFirst(Deferred.await(reached), Fiber.join(watched)),
      goesOn: () => !over
    }
  })

/**
 * What a run does that has taken over its process: numbers are system calls of x86-64. Each line says what was tried, and the
 * error, which is 0 where it worked.
 */
const hostile = `
  my ($pid, $waiting, $in, $out, $root) = @ARGV;
  sub says { print "$_[0] ", ($_[1] ? 0 : $! + 0), "\\n" }
  $pid += 0; $waiting += 0;
  sub call { my ($name, $number, @rest) = @_; $! = 0; says($name, syscall($number, @rest) >= 0) }
  my $space = "\\0" x 64; my $path = "$in/secret.txt"; my $limit = pack("QQ", 1, 1); my $mine = "../out/mine";
  open(my $own, ">", $mine); says("writes its own file", $own);
  print "read $_ ", (open(my $file, "<", $_) ? 0 : $! + 0), "\\n" for $path, "/proc/$pid/mem", "/proc/$pid/environ", "/proc/$pid/maps", "/proc/$waiting/mem", "/proc/$waiting/environ", "/proc/self/mem", "/etc/passwd";
  print "write $_ ", (open(my $file, ">", $_) ? 0 : $! + 0), "\\n" for "$out/new", "$path", "../new", "new", "/dev/shm/new", "$root/new", "/proc/$pid/oom_score_adj";
  print "list $_ ", (opendir(my $file, $_) ? 0 : $! + 0), "\\n" for $root, $in, $out, "/proc", "/", "/proc/$pid/fd";
  print "link $_ ", (readlink($_) ? 0 : $! + 0), "\\n" for "/proc/$pid/cwd", "/proc/$pid/exe", "/proc/$waiting/exe", "/proc/$pid/fd/1";
  says("removes a file", unlink $path); says("links a file", link($path, "../out/linked")); says("moves a file", rename($path, "../out/moved"));
  call("kill", 62, $pid, 9); call("kill waiting", 62, $waiting, 9); call("kill group", 62, -$pid, 9); call("kill first", 62, 1, 9);
  call("tgkill", 234, $pid, $pid, 9); call("tkill", 200, $pid, 9); call("sigqueue", 129, $pid, 9, $space); call("stop", 62, $pid, 19);
  call("pidfd", 434, $pid, 0); call("ptrace", 101, 16, $pid, 0, 0); call("read memory", 310, $pid, $space, 1, $space, 1, 0); call("write memory", 311, $pid, $space, 1, $space, 1, 0);
  call("kcmp", 312, $pid, $pid, 0, 0, 0);
  call("prlimit", 302, $pid, 0, $limit, 0); call("prlimit waiting", 302, $waiting, 7, $limit, 0); call("affinity", 203, $pid, 64, $space);
  call("priority", 141, 0, $pid, 19); call("priority of user", 141, 2, 0, 19); call("io priority", 251, 1, $pid, 0); call("scheduler", 144, $pid, 5, $space);
  call("madvise", 440, 0, $space, 1, 4, 0); call("migrate", 256, $pid, 1, $space, $space);
  call("chmod", 90, $path, 0); call("chmod work", 90, "$in", 0); call("chown", 92, $path, 1, 1); call("times", 280, -100, $path, 0, 0); call("truncate", 76, $path, 0);
  call("xattr", 188, $path, "user.a", "b", 1, 0); call("fchmod", 91, fileno($own), 0);
  call("fork", 57); call("vfork", 58); call("clone", 56, 17, 0, 0, 0, 0); call("clone3", 435, $space, 64); call("exec", 59, "/bin/true", 0, 0); call("execveat", 322, -100, "/bin/true", 0, 0, 0);
  call("session", 112); call("group", 109, 0, 0); call("outlive", 157, 1, 0, 0, 0, 0);
  call("socket", 41, 1, 1, 0); call("tcp", 41, 2, 1, 0); call("netlink", 41, 16, 3, 0);
  call("shm", 29, 0, 4096, 01600); call("sem", 64, 0, 1, 01600); call("msg", 68, 0, 01600); call("queue", 240, "a", 0102, 0600, 0); call("inotify", 294, 0);
  call("namespace", 272, 0x10000000); call("mount", 165, "a", "/", "tmpfs", 0, 0); call("chroot", 161, "/"); call("keys", 250, 0, 0, 0); call("uring", 425, 1, $space);
  call("mknod", 133, "../out/device", 0020666, 259); call("fifo", 133, "../out/fifo", 0010666, 0); call("symlink", 88, "/etc/passwd", "../out/link");
  my $descriptors = 0; for (3 .. 255) { $descriptors++ if $_ != fileno($own) && syscall(72, $_, 1, 0) >= 0 } print "descriptors $descriptors\\n";
  print "end\\n"; sleep 600;
`

export const secret = "a secret of the other run"

/** What a hostile run beside another one, which waits with a secret, says of what it tried; `look` is asked while both are there. */
export const besideAnother = <A>(place: Place, workRoot: string, look: (root: string) => Promise<A>) =>
  Effect.gen(function* () {
    const perl = pathOf("perl")
    const { start, root } = yield* loaded(place, yield* openWorkRoot(workRoot), [perl, perl])
    const victim = yield* begun(
      start,
      root,
      'print "$$ ", getppid(), "\\nready\\n"; sleep 600',
      [secret],
      "ready",
      secret
    )
    const [id = "", waiting = ""] = victim.said.split("\n")[0]?.split(" ") ?? []
    const attack = yield* begun(
      start,
      root,
      hostile,
      [id, waiting, victim.work.in, victim.work.out, root.path],
      "end"
    )
    const seen = yield* Effect.promise(() => look(root.path))
    const isWhole = readFileSync(join(victim.work.in, "secret.txt"), "utf8") === secret
    return {
      attack: attack.said.trim().split("\n"),
      seen,
      isWhole,
      goesOn: [victim.goesOn(), attack.goesOn()]
    }
  }).pipe(Effect.scoped)

/** Its own file is all that it may touch; these lines say nothing else. */
export const allowed = ["writes its own file 0", "descriptors 0", "end"]
