#define _GNU_SOURCE
#include "backup_shims.h"

#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <stdio.h>
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
