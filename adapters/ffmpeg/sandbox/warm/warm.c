/*
 * Preloaded into ffmpeg or ffprobe. Loading a distribution's ffmpeg, with its two hundred libraries, takes longer than making a
 * thumbnail. This lets it be loaded once: before `main` begins, the process stops and waits for runs, and each run is a fork of
 * it that goes on into the real `main`.
 *
 * It speaks with the process that started it over descriptor 3, one end of a nameless pair of sockets: nobody else can connect.
 * protocol.ts is the other side. All that it is told comes from there and is trusted; what a run does after `main` has begun is
 * not. So each run confines itself first, and any step of that which fails ends the run.
 *
 * It allocates nothing, has one thread, and starts no program. What it holds of runs lies in memory that forks do not get
 * (`MADV_DONTFORK`): no run finds arguments, output or descriptors of another one in its own memory.
 *
 * System calls are made directly where libc's own function came late or differs between versions: one binary serves any glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before glibc 2.34 it was not part of libc, and there ffmpeg brings it along. */
#ifdef __x86_64__
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#endif

/* Numbers that older headers lack; they are the same on x86-64 and arm64. */
enum { pidfd_open = 434, close_range_call = 436, landlock_create_ruleset = 444, landlock_add_rule = 445, landlock_restrict_self = 446 };

/* ---- What is said on the socket. Numbers are little-endian, as both architectures are. ---- */

enum { protocol_version = 1, control = 3, helper_file = 4, max_runs = 256 };
enum kind { setup_frame = 1, start_frame, signal_frame, hello_frame, stdout_frame, stderr_frame, ended_frame };

struct frame {
  uint32_t kind, run, length, value;
};

struct hello {
  uint32_t version, landlock, threads, descriptors;
};

enum { confined_flag = 1, user_namespace_flag = 2 };

/* Followed by the filter, then by the paths: each ends with a zero byte. */
struct setup {
  uint32_t flags, filter_bytes, read_paths, write_paths;
};

enum { limit_count = 6 };
static const int limit_names[limit_count] = {RLIMIT_AS, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_NPROC};
#define UNLIMITED UINT64_MAX

/* Followed by texts: the folders `in` and `out`, the arguments, the environment. */
struct start {
  uint32_t user, arguments, variables, reserved;
  struct {
    uint64_t soft, hard;
  } limits[limit_count];
};

/* The steps of a run before `main`. One that failed is named in the report of its end. */
enum stage {
  at_fork = 1,
  at_session,
  at_descriptors,
  at_folder,
  at_namespace,
  at_rules,
  at_limits,
  at_user,
  at_parent,
  at_landlock,
  at_environment,
  at_filter,
  in_main
};

struct ended {
  int32_t status;
  uint32_t stage, error, reserved;
  uint64_t user_micros, system_micros, peak_bytes;
};

/* How far a run has come. The run and this process share it, until `main` begins. */
struct report {
  volatile uint32_t stage, error;
};

/* ---- State, none of which a run inherits, but for `settings`. ---- */

struct run {
  uint32_t id;
  pid_t pid; /* 0: the place is free */
  int pidfd; /* -1: it has ended */
  int output[2];
  struct report *report;
  struct ended ended;
};

enum { in_size = 4 << 20, out_size = 1 << 20, piece = 64 << 10, reserve = 64 << 10 };

struct state {
  struct run runs[max_runs];
  struct pollfd polled[1 + 3 * max_runs];
  size_t in_end, out_start, out_end;
  char in[in_size], out[out_size];
};

static struct state *state;

/* The same for all runs. */
static struct {
  struct setup head;
  const char *filter, *paths;
} settings;

static int (*real_main)(int, char **, char **);
static int landlock_version;
static pid_t own_pid;
/* Where the kernel shows a process's arguments and environment. A run writes its own there. */
static char *shown_arguments, *shown_arguments_end, *environment, *environment_end;

static void *memory(size_t size, int flags) {
  void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) _exit(70);
  return found;
}

/* ---- Inside a run, before `main` ---- */

static void failed(struct report *report) {
  report->error = errno == 0 ? EINVAL : errno;
  _exit(125);
}

static const char *next_text(const char **at) {
  const char *text = *at;
  *at = text + strlen(text) + 1;
  return text;
}

enum {
  fs_execute = 1 << 0,
  fs_write_file = 1 << 1,
  fs_read_file = 1 << 2,
  fs_read_dir = 1 << 3,
  fs_remove_dir = 1 << 4,
  fs_remove_file = 1 << 5,
  fs_make_dir = 1 << 7,
  fs_make_reg = 1 << 8,
  fs_truncate = 1 << 14,
  fs_to_ioctl_dev = (1 << 16) - 1,
  fs_to_truncate = (1 << 15) - 1,
  /* Landlock refuses these for what is no folder. */
  fs_of_folders = fs_read_dir | fs_remove_dir | fs_remove_file | fs_make_dir | fs_make_reg
};

struct landlock_rules {
  uint64_t files, network, scoped;
};

struct landlock_path {
  uint64_t allowed;
  int32_t folder;
} __attribute__((packed));

/* Lets a file, or all below a folder, be used so. */
static int allow(int rules, const char *path, uint64_t rights) {
  struct landlock_path rule = {rights, open(path, O_PATH | O_CLOEXEC)};
  if (rule.folder < 0) return -1;
  long done = syscall(landlock_add_rule, rules, 1, &rule, 0);
  if (done != 0 && errno == EINVAL && (rights & fs_of_folders)) {
    rule.allowed = rights & ~(uint64_t)fs_of_folders;
    done = syscall(landlock_add_rule, rules, 1, &rule, 0);
  }
  close(rule.folder);
  return (int)done;
}

/* Its own `in` to read and `out` to write; libraries, fonts and the like to read; nothing to run; no TCP; no signals to others. */
static int landlock_rules(const char *in, const char *out) {
  struct landlock_rules all = {landlock_version >= 5 ? fs_to_ioctl_dev : fs_to_truncate, 3, 3};
  size_t size = landlock_version >= 6 ? 24 : landlock_version >= 4 ? 16 : 8;
  int rules = (int)syscall(landlock_create_ruleset, &all, size, 0);
  if (rules < 0) return -1;
  const uint64_t read = fs_read_file | fs_read_dir, write = fs_write_file | fs_truncate;
  if (allow(rules, in, read) != 0) return -1;
  if (allow(rules, out, read | write | fs_make_reg | fs_make_dir | fs_remove_file | fs_remove_dir) != 0) return -1;
  /* Systems differ in what they have of the others: what is not there need not be allowed. */
  const char *path = settings.paths;
  for (uint32_t n = 0; n < settings.head.read_paths + settings.head.write_paths; n++)
    if (allow(rules, next_text(&path), n < settings.head.read_paths ? read : fs_read_file | write) != 0 && errno != ENOENT && errno != EACCES)
      return -1;
  return rules;
}

static int become(uint32_t user) {
  for (int capability = 0; capability < 64; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EPERM && user != 0) return -1;
  if (user != 0) {
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, user, user, user) != 0) return -1;
    if (syscall(SYS_setresuid, user, user, user) != 0) return -1;
  }
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  return (int)syscall(SYS_capset, &head, none);
}

static int set_limit(int name, uint64_t soft, uint64_t hard) {
  struct rlimit limit = {soft, hard};
  return setrlimit(name, &limit);
}

/* The environment is written over the one this process was started with, where the kernel shows it. */
static char **environment_of(const char **texts, uint32_t count) {
  char **variables = malloc((count + 1) * sizeof *variables);
  if (variables == NULL) return NULL;
  memset(environment, 0, (size_t)(environment_end - environment));
  char *at = environment;
  for (uint32_t n = 0; n < count; n++) {
    const char *text = next_text(texts);
    size_t length = strlen(text) + 1;
    if (length > (size_t)(environment_end - at)) {
      errno = E2BIG;
      return NULL;
    }
    variables[n] = memcpy(at, text, length);
    at += length;
  }
  variables[count] = NULL;
  return variables;
}

/* For people who look what runs: as many of the arguments as there is room for. */
static void show_arguments(char **arguments) {
  char *at = shown_arguments;
  memset(at, 0, (size_t)(shown_arguments_end - at));
  for (; *arguments != NULL; arguments++) {
    const size_t length = strlen(*arguments) + 1;
    if (length > (size_t)(shown_arguments_end - at)) return;
    memcpy(at, *arguments, length);
    at += length;
  }
}

/* Never returns. `given` is this run's own copy of what was asked for. */
static void run_main(const struct start *given, struct report *report, int out, int err) {
  const char *texts = (const char *)(given + 1);
  const char *in_folder = next_text(&texts), *out_folder = next_text(&texts);
  const int confined = settings.head.flags & confined_flag;

  report->stage = at_session;
  if (setsid() < 0) failed(report);

  /* 0 is /dev/null. Above 2 there is the socket, and what belongs to other runs. */
  report->stage = at_descriptors;
  if (dup2(out, 1) < 0 || dup2(err, 2) < 0) failed(report);
  if (syscall(close_range_call, 3, ~0u, 0) != 0) failed(report);

  report->stage = at_folder;
  if (chdir(in_folder) != 0) failed(report);

  /* The kernel counts processes by user and namespace: without one of its own a run would be counted with its siblings. */
  report->stage = at_namespace;
  if ((settings.head.flags & user_namespace_flag) && unshare(CLONE_NEWUSER) != 0) failed(report);

  /* While we still may open folders that the run's user may not. */
  report->stage = at_rules;
  int rules = confined ? landlock_rules(in_folder, out_folder) : -1;
  if (confined && rules < 0) failed(report);

  report->stage = at_limits;
  for (int n = 0; n < limit_count; n++)
    if (given->limits[n].hard != UNLIMITED && set_limit(limit_names[n], given->limits[n].soft, given->limits[n].hard) != 0) failed(report);
  /* Both are counted for all processes of a user. */
  if (confined && (set_limit(RLIMIT_SIGPENDING, 512, 512) != 0 || set_limit(RLIMIT_MSGQUEUE, 0, 0) != 0)) failed(report);

  report->stage = at_user;
  if (confined && become(given->user) != 0) failed(report);

  /* A change of user undoes this, so it comes after. Whoever asked for the run may have died meanwhile. */
  report->stage = at_parent;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) failed(report);
  if (getppid() != own_pid) _exit(125);

  if (confined) {
    /* Not to be traced or looked into, by siblings of the same user for one. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) failed(report);

    /* From version 7 on the kernel would log each refusal, and a run could fill the log. */
    report->stage = at_landlock;
    if (syscall(landlock_restrict_self, rules, landlock_version >= 7 ? 1 : 0) != 0) failed(report);
    close(rules);
  }

  report->stage = at_environment;
  char **arguments = malloc((given->arguments + 1) * sizeof *arguments);
  if (arguments == NULL) failed(report);
  for (uint32_t n = 0; n < given->arguments; n++) arguments[n] = (char *)next_text(&texts);
  arguments[given->arguments] = NULL;
  char **variables = environment_of(&texts, given->variables);
  if (variables == NULL) failed(report);
  environ = variables;
  prctl(PR_SET_NAME, arguments[0], 0, 0, 0);
  show_arguments(arguments);
  optind = 1;

  report->stage = at_filter;
  if (confined) {
    struct sock_fprog filter = {(unsigned short)(settings.head.filter_bytes / sizeof(struct sock_filter)), (struct sock_filter *)settings.filter};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) failed(report);
  }

  report->stage = in_main;
  munmap(report, sizeof *report);
  exit(real_main((int)given->arguments, arguments, variables));
}

/* ---- The process that waits ---- */

/* Whoever started us is gone, or says what we don't understand: then all runs end before we do. */
static void give_up(void) {
  for (int n = 0; n < max_runs; n++) {
    const struct run *run = &state->runs[n];
    if (run->pid == 0 || run->pidfd < 0) continue;
    if (kill(-run->pid, SIGKILL) != 0) kill(run->pid, SIGKILL);
    waitpid(run->pid, NULL, 0);
  }
  _exit(0);
}

static void flush(void) {
  while (state->out_start < state->out_end) {
    ssize_t sent = send(control, state->out + state->out_start, state->out_end - state->out_start, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent <= 0) give_up();
    state->out_start += (size_t)sent;
  }
  state->out_start = state->out_end = 0;
}

static size_t room(void) {
  if (state->out_start > 0) {
    memmove(state->out, state->out + state->out_start, state->out_end - state->out_start);
    state->out_end -= state->out_start;
    state->out_start = 0;
  }
  return out_size - state->out_end;
}

/* There is always room for what is not output: `reserve` is left free of that. */
static void say(uint32_t kind, uint32_t run, const void *content, uint32_t length) {
  struct frame frame = {kind, run, length, 0};
  if (room() < sizeof frame + length) give_up();
  memcpy(state->out + state->out_end, &frame, sizeof frame);
  memcpy(state->out + state->out_end + sizeof frame, content, length);
  state->out_end += sizeof frame + length;
}

static int may_read(void) {
  return room() >= reserve + piece + sizeof(struct frame);
}

/* Passes on a piece of output. */
static void pass_on(struct run *run, int which) {
  if (!may_read()) return;
  char *content = state->out + state->out_end + sizeof(struct frame);
  ssize_t got = read(run->output[which], content, piece);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    close(run->output[which]);
    run->output[which] = -1;
    return;
  }
  struct frame frame = {which == 0 ? stdout_frame : stderr_frame, run->id, (uint32_t)got, 0};
  memcpy(state->out + state->out_end, &frame, sizeof frame);
  state->out_end += sizeof frame + (size_t)got;
}

static void reap(struct run *run) {
  struct rusage used;
  int status;
  if (wait4(run->pid, &status, WNOHANG, &used) != run->pid) return;
  close(run->pidfd);
  run->pidfd = -1;
  run->ended = (struct ended){
    .status = status,
    .stage = run->report->stage,
    .error = run->report->error,
    .user_micros = (uint64_t)used.ru_utime.tv_sec * 1000000 + (uint64_t)used.ru_utime.tv_usec,
    .system_micros = (uint64_t)used.ru_stime.tv_sec * 1000000 + (uint64_t)used.ru_stime.tv_usec,
    .peak_bytes = (uint64_t)used.ru_maxrss * 1024,
  };
}

/* A run is over when it has ended and all of its output is passed on. */
static void settle(struct run *run) {
  if (run->pidfd >= 0 || run->output[0] >= 0 || run->output[1] >= 0) return;
  say(ended_frame, run->id, &run->ended, sizeof run->ended);
  munmap(run->report, sizeof *run->report);
  run->pid = 0;
}

static void not_started(uint32_t id) {
  struct ended ended = {.status = -1, .stage = at_fork, .error = (uint32_t)errno};
  say(ended_frame, id, &ended, sizeof ended);
}

static void begin(uint32_t id, const char *content, size_t length) {
  struct run *run = NULL;
  for (int n = 0; n < max_runs && run == NULL; n++)
    if (state->runs[n].pid == 0) run = &state->runs[n];
  if (run == NULL) errno = EAGAIN;
  int out[2], err[2];
  if (run == NULL || pipe2(out, O_CLOEXEC) != 0) return not_started(id);
  if (pipe2(err, O_CLOEXEC) != 0) {
    close(out[0]), close(out[1]);
    return not_started(id);
  }
  /* Both leave this process again before another run begins. */
  struct start *given = memory(length + 1, MAP_PRIVATE);
  memcpy(given, content, length);
  struct report *report = memory(sizeof *report, MAP_SHARED);
  report->stage = at_fork;
  pid_t pid = fork();
  if (pid == 0) run_main(given, report, out[1], err[1]);
  int error = errno;
  munmap(given, length + 1);
  close(out[1]), close(err[1]);
  int pidfd = pid < 0 ? -1 : (int)syscall(pidfd_open, pid, 0);
  if (pidfd < 0) {
    if (pid > 0) {
      error = errno;
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
    }
    munmap(report, sizeof *report);
    close(out[0]), close(err[0]);
    errno = error;
    return not_started(id);
  }
  madvise(report, sizeof *report, MADV_DONTFORK);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  fcntl(err[0], F_SETFL, O_NONBLOCK);
  *run = (struct run){.id = id, .pid = pid, .pidfd = pidfd, .output = {out[0], err[0]}, .report = report};
}

static void send_signal(uint32_t id, int number) {
  for (int n = 0; n < max_runs; n++) {
    struct run *run = &state->runs[n];
    if (run->pid == 0 || run->id != id) continue;
    /* Its group is there once it has made its session; before that it is alone. One that has ended left no other in its group
       where it was confined, and its number may be another's by now. */
    if (run->pidfd < 0 && (settings.head.flags & confined_flag)) return;
    if (kill(-run->pid, number) != 0 && run->pidfd >= 0) kill(run->pid, number);
    return;
  }
}

static void set_up(const char *content, size_t length) {
  char *copy = memory(length + 1, MAP_PRIVATE);
  memcpy(copy, content, length);
  memcpy(&settings.head, copy, sizeof settings.head);
  settings.filter = copy + sizeof settings.head;
  settings.paths = settings.filter + settings.head.filter_bytes;
}

static void obey(void) {
  ssize_t got = recv(control, state->in + state->in_end, in_size - state->in_end, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) give_up();
  state->in_end += (size_t)got;
  size_t at = 0;
  while (state->in_end - at >= sizeof(struct frame)) {
    struct frame frame;
    memcpy(&frame, state->in + at, sizeof frame);
    if (frame.length > in_size - sizeof frame) give_up();
    if (state->in_end - at < sizeof frame + frame.length) break;
    const char *content = state->in + at + sizeof frame;
    if (frame.kind == setup_frame) set_up(content, frame.length);
    else if (frame.kind == start_frame) begin(frame.run, content, frame.length);
    else if (frame.kind == signal_frame) send_signal(frame.run, (int)frame.value);
    else give_up();
    at += sizeof frame + frame.length;
  }
  memmove(state->in, state->in + at, state->in_end - at);
  state->in_end -= at;
}

static void serve(void) {
  for (;;) {
    const short wanted = may_read() ? POLLIN : 0;
    struct pollfd *next = state->polled;
    *next++ = (struct pollfd){control, (short)(POLLIN | (state->out_end > 0 ? POLLOUT : 0)), 0};
    for (int n = 0; n < max_runs; n++) {
      const struct run *run = &state->runs[n];
      if (run->pid == 0) continue;
      /* A negative descriptor is passed over; so is output that there is no room for, whose end would be told again and again. */
      *next++ = (struct pollfd){wanted ? run->output[0] : -1, wanted, 0};
      *next++ = (struct pollfd){wanted ? run->output[1] : -1, wanted, 0};
      *next++ = (struct pollfd){run->pidfd, POLLIN, 0};
    }
    if (poll(state->polled, (nfds_t)(next - state->polled), -1) < 0) {
      if (errno == EINTR) continue;
      give_up();
    }
    next = state->polled + 1;
    for (int n = 0; n < max_runs; n++) {
      struct run *run = &state->runs[n];
      if (run->pid == 0) continue;
      for (int which = 0; which < 2; which++)
        if (next++->revents != 0) pass_on(run, which);
      if (next++->revents != 0) reap(run);
      settle(run);
    }
    flush();
    /* Last, because new runs take places in the table. */
    if (state->polled[0].revents & (POLLIN | POLLHUP | POLLERR)) obey();
    flush();
  }
}

/* ---- The start ---- */

/* Entries of a folder of /proc whose names are numbers above `above`. */
static uint32_t entries(const char *path, int above) {
  struct entry {
    uint64_t inode, offset;
    unsigned short length;
    unsigned char type;
    char name[];
  };
  char buffer[4096];
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return UINT32_MAX;
  uint32_t count = 0;
  for (long got; (got = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;)
    for (long at = 0; at < got; at += ((struct entry *)(buffer + at))->length) {
      const int number = atoi(((struct entry *)(buffer + at))->name);
      if (number > above && number != folder) count++;
    }
  close(folder);
  return count;
}

static int wait_for_runs(int argc, char **argv, char **envp) {
  int type;
  socklen_t size = sizeof type;
  if (getsockopt(control, SOL_SOCKET, SO_TYPE, &type, &size) != 0) _exit(70);
  /* The file that this was loaded from, and what our parent has inherited itself, of which it tells the numbers. */
  close(helper_file);
  const char *inherited = getenv("FFKILN_WARM");
  for (const char *at = inherited; at != NULL && *at >= '0' && *at <= '9';) {
    char *end;
    const long number = strtol(at, &end, 10);
    if (number > helper_file) close((int)number);
    at = *end == ',' ? end + 1 : end;
  }
  fcntl(control, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl(PR_SET_NAME, "ffkiln-warm", 0, 0, 0);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &files);
  }

  /* Strings lie one after the other, the first argument's and the first variable's first. */
  shown_arguments = argv[0];
  shown_arguments_end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
  environment = environment_end = envp[0];
  for (char **each = envp; *each != NULL; each++) environment_end = *each + strlen(*each) + 1;

  /* What `main` does first in any case. They do nothing when they are called again. */
  int (*network)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "avformat_network_init");
  void (*devices)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "avdevice_register_all");
  if (network != NULL) network();
  if (devices != NULL) devices();

  own_pid = getpid();
  long version = syscall(landlock_create_ruleset, NULL, 0, 1);
  landlock_version = version < 0 ? 0 : (int)version;
  state = memory(sizeof *state, MAP_PRIVATE);
  if (madvise(state, sizeof *state, MADV_DONTFORK) != 0) _exit(70);
  struct hello hello = {protocol_version, (uint32_t)landlock_version, entries("/proc/self/task", 0), entries("/proc/self/fd", control)};
  say(hello_frame, 0, &hello, sizeof hello);
  flush();
  serve();
  return 0;
}

typedef int start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

/* Stands before libc's function of this name, which every program calls with its `main`. */
__attribute__((visibility("default"))) int __libc_start_main(
  int (*program)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void), void (*end)(void), void *stack
) {
  start_main *original = (start_main *)dlsym(RTLD_NEXT, "__libc_start_main");
  real_main = program;
  return original(getenv("FFKILN_WARM") == NULL ? program : wait_for_runs, argc, argv, init, fini, end, stack);
}
