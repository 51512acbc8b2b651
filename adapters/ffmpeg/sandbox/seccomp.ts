/**
 * A seccomp filter as bubblewrap takes it: classic BPF that answers "not permitted" to system calls no transcoding needs.
 * It is the third wall, behind the empty file system and the empty network namespace: these calls are where the kernel's own
 * holes have been. Everything not named is allowed, so a new ffmpeg or libc finds what it needs.
 */

/** Numbers on x86_64, and on aarch64 where there is such a call (asm/unistd_64.h, asm-generic/unistd.h). */
const denied: Readonly<Record<string, readonly [x64: number, arm64?: number]>> = {
  socket: [41, 198],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  pidfd_getfd: [438, 438],
  kcmp: [312, 272],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  fanotify_init: [300, 262],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  syslog: [103, 116],
  quotactl: [179, 60],
  personality: [135, 92],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  iopl: [172],
  ioperm: [173],
  modify_ldt: [154]
}

/** `audit` is the kernel's name for the instruction set; `clone` makes threads, and namespaces where its first argument says so. */
const architectures: Readonly<Record<string, { readonly audit: number; readonly column: 0 | 1; readonly clone: number }>> = {
  x64: { audit: 0xc000003e, column: 0, clone: 56 },
  arm64: { audit: 0xc00000b7, column: 1, clone: 220 }
}

const clone3 = 435
/** From here on x86_64 counts its calls a second time, for 32-bit pointers. */
const x32 = 0x40000000
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e020000

/** Offsets in struct seccomp_data; both architectures are little-endian, so the low half of an argument comes first. */
const at = { number: 0, architecture: 4, firstArgument: 16, secondArgument: 24, thirdArgument: 32 }

const inet = 2
const stream = 1
/** The protocols that are TCP: by default, and said. Others, such as SCTP, would make the kernel load more of itself. */
const tcpProtocols = [0, 6] as const
/** What a kind of socket is said with: SOCK_NONBLOCK and SOCK_CLOEXEC. */
const socketFlags = 0x80800

const answer = { allow: 0x7fff0000, kill: 0x80000000, notPermitted: 0x00050001, noSuchCall: 0x00050026 }

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const ret = (value: number): Instruction => [0x06, 0, 0, value]
const keepBits = (mask: number): Instruction => [0x54, 0, 0, mask]
/** The next instruction where it holds, else the one after it. */
const whenEqual = (value: number): Instruction => [0x15, 0, 1, value]
const whenAtLeast = (value: number): Instruction => [0x35, 0, 1, value]
const whenAnyBit = (value: number): Instruction => [0x45, 0, 1, value]

/** Of all calls of `socket`, those that open a TCP stream over IPv4 go on to what follows, like every other call. */
const tcpAlone = (socket: number): ReadonlyArray<Instruction> => [
  load(at.number),
  [0x15, 0, 9, socket],
  load(at.firstArgument),
  [0x15, 0, 6, inet],
  load(at.secondArgument),
  keepBits(0xffffffff - socketFlags),
  [0x15, 0, 3, stream],
  load(at.thirdArgument),
  [0x15, 2, 0, tcpProtocols[0]],
  [0x15, 1, 0, tcpProtocols[1]],
  ret(answer.notPermitted)
]

/**
 * The program for a processor as Node calls it (`process.arch`); undefined where its numbers are not in the table. `tcp`
 * lets IPv4 streams through: in a network namespace of its own such a process reaches what listens in there.
 */
export const seccompFilter = (arch: string, tcp = false): Buffer | undefined => {
  const architecture = architectures[arch]
  if (architecture === undefined) return undefined
  const { audit, column, clone } = architecture
  const socket = denied.socket?.[column] ?? 0
  const numbers = Object.values(denied).flatMap((row) => (tcp && row === denied.socket ? [] : (row[column] ?? [])))
  const program: ReadonlyArray<Instruction> = [
    load(at.architecture),
    [0x15, 1, 0, audit],
    ret(answer.kill),
    load(at.number),
    whenAtLeast(x32),
    ret(answer.notPermitted),
    ...numbers.flatMap((number) => [whenEqual(number), ret(answer.notPermitted)]),
    // Its flags lie in memory, where no filter can look: told that there is no such call, libc takes clone.
    whenEqual(clone3),
    ret(answer.noSuchCall),
    [0x15, 0, 3, clone],
    load(at.firstArgument),
    whenAnyBit(newNamespaces),
    ret(answer.notPermitted),
    ...(tcp ? tcpAlone(socket) : []),
    ret(answer.allow)
  ]
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(([code, ifTrue, ifFalse, value], index) => {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(ifTrue, index * 8 + 2)
    bytes.writeUInt8(ifFalse, index * 8 + 3)
    bytes.writeUInt32LE(value, index * 8 + 4)
  })
  return bytes
}
