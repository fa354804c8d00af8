// System calls and macros of Linux that neither glibc 2.36's headers nor Swift's overlay give to Swift.
#ifndef BACKUP_SHIMS_H
#define BACKUP_SHIMS_H

#include <sys/types.h>

/// openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS: resolves `path` below `directory` and
/// never through a symbolic link. Returns a descriptor, or -1 with errno. O_CLOEXEC is added.
int backup_open_beneath(int directory, const char *_Nonnull path, int flags, mode_t mode);

/// The same for a directory with O_PATH: it need not be readable, and can only be looked into.
int backup_open_place_beneath(int directory, const char *_Nonnull path);

/// open(2) with O_TMPFILE: an unnamed file in the directory, open for writing and reading. Returns -1 with errno.
int backup_open_unnamed(int directory, mode_t mode);

/// linkat(2) that gives the unnamed or open file `file` the name `name` in `directory`; fails with EEXIST if it is taken.
int backup_link_descriptor(int file, int directory, const char *_Nonnull name);

/// pipe2(2) with O_CLOEXEC.
int backup_pipe(int ends[_Nonnull 2]);

/// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: starts writing out, waits for nothing.
int backup_start_writeback(int descriptor, long long offset, long long count);

/// preadv2(2) with RWF_NOWAIT: what of these bytes lies in memory. Returns their number, 0 at the end, or -1 with errno;
/// EAGAIN when the disk would have to be waited for.
long long backup_read_cached(int descriptor, void *_Nonnull buffer, unsigned long long count, long long offset);

/// fcntl(F_SETFL) with or without O_DIRECT. Returns 0, or -1 with errno; EINVAL from a file system that has no such writes.
int backup_set_direct(int descriptor, int is_direct);

/// syncfs(2). Returns 0, or -1 with errno.
int backup_sync_filesystem(int descriptor);

/// Names the calling thread; at most 15 bytes are kept.
void backup_name_thread(const char *_Nonnull name);

/// fcntl(F_SETPIPE_SZ). Returns the new size in bytes, or -1 with errno.
int backup_set_pipe_size(int descriptor, int size);

/// ioctl(FIONREAD): the number of bytes that can be read at once, or -1 with errno.
int backup_bytes_waiting(int descriptor);

/// copy_file_range(2) from and to the descriptors' positions. Returns the bytes copied, or -1 with errno.
long long backup_copy_range(int source, int target, unsigned long long count);

/// SO_PEERCRED: the user id at the other end of a connected UNIX socket, or -1 with errno.
long long backup_peer_user(int socket);

/// ioctl(TIOCGWINSZ): the columns of a terminal, or -1 with errno.
int backup_terminal_columns(int descriptor);

/// memfd_create(2) with MFD_CLOEXEC: a file in memory, which vanishes with its last descriptor. Returns -1 with errno.
int backup_memory_file(const char *_Nonnull name);

/// One heap for all threads of this process instead of one for each: a daemon of many threads that hold little then keeps a
/// few megabytes less. Before any thread is started.
void backup_use_one_heap(void);

/// statx(2) with AT_STATX_DONT_SYNC, links followed: which file that is, without asking a server of a network file system
/// that may not answer. `device` is as `st_dev`. Returns 0, or -1 with errno.
int backup_identify_quietly(
    int directory, const char *_Nonnull name, unsigned long long *_Nonnull device, unsigned long long *_Nonnull inode);

/// fcntl(F_SETLEASE, F_WRLCK): nobody else has the file open, and whoever opens it waits until the lease is dropped (at
/// most /proc/sys/fs/lease-break-time). Returns 0, or -1 with errno; EAGAIN when somebody has it open.
int backup_take_write_lease(int descriptor);

/// fcntl(F_SETLEASE, F_UNLCK). Returns 0, or -1 with errno.
int backup_drop_lease(int descriptor);

/// The version of Landlock that the kernel has (1 or more), or -1 with errno; ENOSYS and EOPNOTSUPP where it has none.
int backup_landlock_version(void);

/// A program to be started. The lists end with NULL.
struct backup_launch {
    const char *_Nonnull path;
    char *_Nullable const *_Nonnull arguments;
    /// `NAME=value`, before what is inherited under the same name.
    char *_Nullable const *_Nonnull variables;
    /// Whether it has the environment of this process besides.
    int inherits;
    const char *_Nonnull directory;
    /// What becomes standard input, output and error.
    int descriptors[3];
};

/// Starts a program, as the leader of a process group, that can make, write, link, move and remove files only beneath the
/// directory `place`, and write to /dev/null and to the descriptors that it is given. Needs Landlock of version 2 or newer.
/// This process is not confined. Returns the process ID, or -1 with errno and what failed in `step`.
pid_t backup_launch_confined(
    int place, const struct backup_launch *_Nonnull launch, const char *_Nullable *_Nonnull step);

/// pidfd_open(2). Returns a descriptor, or -1 with errno.
int backup_process_descriptor(pid_t process);

#endif
