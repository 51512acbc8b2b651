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

/**
 * What only a process has to be denied that has siblings: runs that are forked from one process share its namespaces, and their
 * user too where we are not root. Landlock guards neither modes, owners, times and attributes of files, nor the priorities and
 * limits of processes, nor what the kernel counts by user.
 */
const deniedToSiblings: typeof denied = {
  fork: [57],
  vfork: [58],
  execve: [59, 221],
  execveat: [322, 281],
  setsid: [112, 157],
  setpgid: [109, 154],
  chmod: [90],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  chown: [92],
  fchown: [93, 55],
  lchown: [94],
  fchownat: [260, 54],
  utime: [132],
  utimes: [235],
  futimesat: [261],
  utimensat: [280, 88],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  setxattrat: [463, 463],
  removexattr: [197, 14],
  lremovexattr: [198, 15],
  fremovexattr: [199, 16],
  removexattrat: [466, 466],
  file_setattr: [469, 469],
  shmget: [29, 194],
  semget: [64, 190],
  msgget: [68, 186],
  mq_open: [240, 180],
  inotify_init: [253],
  inotify_init1: [294, 26],
  setpriority: [141, 140],
  ioprio_set: [251, 30],
  sched_setscheduler: [144, 119],
  sched_setparam: [142, 118],
  sched_setattr: [314, 274],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  pidfd_open: [434, 434],
  pidfd_send_signal: [424, 424],
  process_madvise: [440, 440],
  process_mrelease: [448, 448]
}

/** Those that name a process by their first argument, which has to be 0: the caller itself. */
const aboutProcesses: typeof denied = { prlimit64: [302, 261], sched_setaffinity: [203, 122] }

/** Its first argument says what is to be done. */
const prctl = [157, 167] as const
/** PR_SET_PDEATHSIG: a run ends with the process that it was forked from. */
const setParentDeath = 1

/** `audit` is the kernel's name for the instruction set; `clone` makes threads, and namespaces where its first argument says so. */
const architectures: Readonly<
  Record<string, { readonly audit: number; readonly column: 0 | 1; readonly clone: number }>
> = {
  x64: { audit: 0xc000003e, column: 0, clone: 56 },
  arm64: { audit: 0xc00000b7, column: 1, clone: 220 }
}

const clone3 = 435
/** From here on x86_64 counts its calls a second time, for 32-bit pointers. */
const x32 = 0x40000000
/** CLONE_THREAD */
const newThread = 0x10000
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

/** Goes on where the call that it is about has this first argument, or is another call. */
const firstArgumentIs = (call: number, value: number): ReadonlyArray<Instruction> => [
  load(at.number),
  [0x15, 0, 3, call],
  load(at.firstArgument),
  [0x15, 1, 0, value],
  ret(answer.notPermitted)
]

const firstArgumentIsNot = (call: number, value: number): ReadonlyArray<Instruction> => [
  load(at.number),
  [0x15, 0, 3, call],
  load(at.firstArgument),
  whenEqual(value),
  ret(answer.notPermitted)
]

/** Makes threads, but no processes. */
const threadsAlone = (clone: number): ReadonlyArray<Instruction> => [
  load(at.number),
  [0x15, 0, 3, clone],
  load(at.firstArgument),
  [0x45, 1, 0, newThread],
  ret(answer.notPermitted)
]

export interface SeccompOptions {
  /** Lets IPv4 streams through: in a network namespace of its own such a process reaches what listens in there. */
  readonly tcp?: boolean
  /** For a process whose namespaces are those of others, too, and which starts no other: see `deniedToSiblings`. */
  readonly siblings?: boolean
}

/** The program for a processor as Node calls it (`process.arch`); undefined where its numbers are not in the table. */
export const seccompFilter = (
  arch: string,
  { tcp = false, siblings = false }: SeccompOptions = {}
): Buffer | undefined => {
  const architecture = architectures[arch]
  if (architecture === undefined) return undefined
  const { audit, column, clone } = architecture
  const numbersOf = (rows: typeof denied) => Object.values(rows).flatMap((row) => row[column] ?? [])
  const socket = denied.socket?.[column] ?? 0
  const numbers = [...numbersOf(denied), ...(siblings ? numbersOf(deniedToSiblings) : [])].filter(
    (number) => !(tcp && number === socket)
  )
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
    ...(siblings
      ? [
          ...threadsAlone(clone),
          ...numbersOf(aboutProcesses).flatMap((number) => firstArgumentIs(number, 0)),
          ...firstArgumentIsNot(prctl[column], setParentDeath)
        ]
      : []),
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
