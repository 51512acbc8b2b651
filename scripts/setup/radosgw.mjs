import { say } from "./problem.mjs"
import { aptInstall, canUseApt, onPath } from "./system.mjs"

const programs = ["radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool", "setpriv"]

const packages = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"]
/** The message when it is missing. */
export const radosgwMissing = `the tests of S3 storage can't run: install Ceph's gateway (Debian: apt-get install ${packages.join(" ")})`

/** Whether a real S3 server can be run here. */
export const hasRadosgw = () => programs.every((name) => onPath(name) !== undefined)

/**
 * Ceph's S3 gateway, with which the S3 adapter is tested. Those tests fail without it, with this message.
 * @type {import("../setup.mjs").Step}
 */
export const radosgw = {
  ready: hasRadosgw,
  prepare: async (note) => {
    if (canUseApt() && (await aptInstall(packages, note)) && hasRadosgw()) return
    say(radosgwMissing)
  }
}
