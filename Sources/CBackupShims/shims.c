#define _GNU_SOURCE
#include "backup_shims.h"

#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int backup_open_beneath(int directory, const char *path, int flags, mode_t mode) {
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = (unsigned)(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int backup_open_place_beneath(int directory, const char *path) {
    return backup_open_beneath(directory, path, O_PATH | O_DIRECTORY, 0);
}

int backup_open_unnamed(int directory, mode_t mode) {
    return openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
}

int backup_link_descriptor(int file, int directory, const char *name) {
    // Through /proc, since AT_EMPTY_PATH needs a capability that a service may not have.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
}

int backup_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int backup_start_writeback(int descriptor, long long offset, long long count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

long long backup_read_cached(int descriptor, void *buffer, unsigned long long count, long long offset) {
    struct iovec part = {buffer, count};
    return preadv2(descriptor, &part, 1, offset, RWF_NOWAIT);
}

int backup_set_direct(int descriptor, int is_direct) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags == -1) return -1;
    return fcntl(descriptor, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

int backup_sync_filesystem(int descriptor) { return syncfs(descriptor); }

void backup_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int backup_set_pipe_size(int descriptor, int size) { return fcntl(descriptor, F_SETPIPE_SZ, size); }

int backup_bytes_waiting(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == -1 ? -1 : count;
}

int backup_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == -1 ? -1 : size.ws_col;
}

long long backup_copy_range(int source, int target, unsigned long long count) {
    return copy_file_range(source, NULL, target, NULL, count, 0);
}

long long backup_peer_user(int socket) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    return credentials.uid;
}

int backup_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

void backup_use_one_heap(void) { mallopt(M_ARENA_MAX, 1); }

int backup_identify_quietly(int directory, const char *name, unsigned long long *device, unsigned long long *inode) {
    struct statx status;
    if (statx(directory, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &status) != 0) return -1;
    *device = makedev(status.stx_dev_major, status.stx_dev_minor);
    *inode = status.stx_ino;
    return 0;
}

int backup_take_write_lease(int descriptor) {
    // Whoever opens the file meanwhile has us told by a signal: by default one that ends the process. This one is ignored.
    if (fcntl(descriptor, F_SETSIG, SIGURG) != 0) return -1;
    return fcntl(descriptor, F_SETLEASE, F_WRLCK);
}

int backup_drop_lease(int descriptor) { return fcntl(descriptor, F_SETLEASE, F_UNLCK); }

// The headers of Linux before 6.2 do not have it.
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

int backup_landlock_version(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static int allow_beneath(int rules, int place, unsigned long long accesses) {
    struct landlock_path_beneath_attr rule = {.allowed_access = accesses, .parent_fd = place};
    return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// Confines the calling thread for good, and whatever it starts.
static int confine_thread(int place) {
    unsigned long long file = LANDLOCK_ACCESS_FS_WRITE_FILE;
    int version = backup_landlock_version();
    if (version < 0) return -1;
    // Version 1 forbids every link and every move from one directory to another.
    if (version < 2) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (version >= 3) file |= LANDLOCK_ACCESS_FS_TRUNCATE;
    struct landlock_ruleset_attr handled;
    memset(&handled, 0, sizeof handled);
    handled.handled_access_fs = file | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE
        | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG
        | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK
        | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0) return -1;
    int null = open("/dev/null", O_PATH | O_CLOEXEC);
    int failed = null < 0 || allow_beneath(rules, null, file) != 0
        || allow_beneath(rules, place, handled.handled_access_fs) != 0
        || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, rules, 0) != 0;
    int error = errno;
    if (null >= 0) close(null);
    close(rules);
    errno = error;
    return failed ? -1 : 0;
}

// The environment of a program; to be freed, but not what it points to. NULL when there is no memory.
static char **environment_of(const struct backup_launch *launch) {
    size_t own = 0, count = 0;
    while (launch->variables[own]) own++;
    for (char **next = environ; launch->inherits && next && *next; next++) count++;
    char **result = calloc(own + count + 1, sizeof *result);
    if (!result) return NULL;
    memcpy(result, launch->variables, own * sizeof *result);
    size_t used = own;
    for (size_t index = 0; index < count; index++) {
        size_t name = strcspn(environ[index], "="), same = 0;
        while (same < own && (strncmp(result[same], environ[index], name) != 0 || result[same][name] != '=')) same++;
        if (same == own) result[used++] = environ[index];
    }
    return result;
}

// Returns an error number.
static int spawn(const struct backup_launch *launch, char **environment, pid_t *process) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    error = posix_spawn_file_actions_addchdir_np(&actions, launch->directory);
    for (int index = 0; index < 3 && !error; index++)
        error = posix_spawn_file_actions_adddup2(&actions, launch->descriptors[index], index);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (!error)
        error = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!error) error = posix_spawn(process, launch->path, &actions, &attributes, launch->arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

struct confined_start {
    int place;
    const struct backup_launch *launch;
    char **environment;
    pid_t process;
    int error;
    const char *step;
};

static void *start_confined(void *argument) {
    struct confined_start *start = argument;
    start->step = "confine";
    if (confine_thread(start->place) != 0) {
        start->error = errno;
        return NULL;
    }
    start->step = "start";
    start->error = spawn(start->launch, start->environment, &start->process);
    return NULL;
}

pid_t backup_launch_confined(int place, const struct backup_launch *launch, const char **step) {
    struct confined_start start = {.place = place, .launch = launch, .step = "start a thread for"};
    start.environment = environment_of(launch);
    start.error = start.environment ? 0 : errno;
    if (!start.error) {
        // A thread that is confined stays so, and so does every thread that it starts: it runs nothing else, not even
        // the handler of a signal.
        sigset_t all, before;
        pthread_t thread;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        start.error = pthread_create(&thread, NULL, start_confined, &start);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!start.error) pthread_join(thread, NULL);
    }
    free(start.environment);
    *step = start.step;
    errno = start.error;
    return start.error ? -1 : start.process;
}

int backup_process_descriptor(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }
