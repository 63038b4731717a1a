// SPDX-License-Identifier: MIT
#include "threads/cpus.hpp"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

namespace densq {
namespace {

constexpr size_t kMaxPath = 4096;  // of Linux

// A short text file, cut to `size` - 1 bytes; empty if it cannot be read.
void read_text(const char *path, char *text, size_t size) {
    text[0] = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length < size - 1;) {
        got = read(file, text + length, size - 1 - length);
        if (got > 0) length += static_cast<size_t>(got);
    }
    close(file);
    text[length] = 0;
}

struct Path {
    char text[kMaxPath];
    size_t length = 0;

    void append(const char *more, size_t size) {
        if (length + size >= sizeof text) size = sizeof text - 1 - length;
        memcpy(text + length, more, size);
        length += size;
        text[length] = 0;
    }
    void append(const char *more) { append(more, strlen(more)); }
    void cut(size_t at) {
        length = at;
        text[at] = 0;
    }
};

// CPUs, rounded; 0: any.
uint32_t cpus_of(long long quota, long long period) {
    if (quota <= 0 || period <= 0 || quota / period >= UINT32_MAX) return 0;
    const long long cpus = quota / period + (quota % period >= period - period / 2);
    return cpus ? static_cast<uint32_t>(cpus) : 1;
}

// The next word; 0 of one that is no number, as "max", or no period or time in microseconds.
long long read_number(const char **text) {
    constexpr long long kMost = 1000000000000000;
    while (**text == ' ') ++*text;
    long long number = 0;
    bool valid = true;
    for (; **text > ' '; ++*text) {
        valid = valid && **text >= '0' && **text <= '9' && number < kMost;
        if (valid) number = 10 * number + (**text - '0');
    }
    return valid ? number : 0;
}

void numbers_of(Path *folder, const char *file, long long *first, long long *second) {
    const size_t length = folder->length;
    folder->append(file);
    char text[64];
    read_text(folder->text, text, sizeof text);
    folder->cut(length);
    const char *rest = text;
    *first = read_number(&rest);
    *second = read_number(&rest);
}

// What one group allows, in either version of control groups.
uint32_t cpus_of_group(Path *folder, bool version_2) {
    long long quota, period, unused;
    if (version_2) {
        numbers_of(folder, "/cpu.max", &quota, &period);
    } else {
        numbers_of(folder, "/cpu.cfs_quota_us", &quota, &unused);
        numbers_of(folder, "/cpu.cfs_period_us", &period, &unused);
    }
    return cpus_of(quota, period);
}

// The group's path and those around it.  A path that is not there belongs to another namespace, in
// which case the mounted folder is that of the innermost group.
uint32_t cpus_of_nested(const char *mount, const char *group, size_t group_length, bool version_2) {
    Path folder;
    folder.append(mount);
    if (!version_2) folder.append("/cpu");
    const size_t outermost = folder.length;
    folder.append(group, group_length);
    uint32_t fewest = 0;
    for (;;) {
        const uint32_t cpus = cpus_of_group(&folder, version_2);
        if (cpus && (!fewest || cpus < fewest)) fewest = cpus;
        if (folder.length == outermost) return fewest;
        while (folder.length > outermost && folder.text[folder.length - 1] != '/')
            folder.cut(folder.length - 1);
        if (folder.length > outermost) folder.cut(folder.length - 1);
    }
}

// Whether "cpu" is among the names "a,b,c".
bool has_cpu(const char *names, const char *end) {
    while (names < end) {
        const char *comma = static_cast<const char *>(memchr(names, ',', size_t(end - names)));
        const char *name_end = comma ? comma : end;
        if (name_end - names == 3 && memcmp(names, "cpu", 3) == 0) return true;
        names = name_end + 1;
    }
    return false;
}

}  // namespace

uint32_t cpus_of_quota(ControlGroups groups) {
    char lines[2 * kMaxPath];
    read_text(groups.membership, lines, sizeof lines);
    uint32_t fewest = 0;
    for (const char *line = lines; *line;) {  // HIERARCHY:CONTROLLERS:PATH
        const char *end = strchr(line, '\n');
        if (!end) end = line + strlen(line);
        const char *names = static_cast<const char *>(memchr(line, ':', size_t(end - line)));
        const char *path =
            names ? static_cast<const char *>(memchr(names + 1, ':', size_t(end - names - 1)))
                  : nullptr;
        if (path) {
            const bool version_2 = path == names + 1;
            if (version_2 || has_cpu(names + 1, path)) {
                const uint32_t cpus =
                    cpus_of_nested(groups.mount, path + 1, size_t(end - path - 1), version_2);
                if (cpus && (!fewest || cpus < fewest)) fewest = cpus;
            }
        }
        line = *end ? end + 1 : end;
    }
    return fewest;
}

#if defined(__linux__)

namespace {

constexpr size_t kMaxCpus = 8192;  // of Linux; a cpu_set_t has 1024
constexpr size_t kSets = kMaxCpus / CPU_SETSIZE;

struct Affinity {
    cpu_set_t sets[kSets];

    bool get() { return sched_getaffinity(0, sizeof sets, sets) == 0; }
    bool set() const { return sched_setaffinity(0, sizeof sets, sets) == 0; }
    int count() const { return CPU_COUNT_S(sizeof sets, sets); }
    void remove(int cpu) { CPU_CLR_S(static_cast<size_t>(cpu), sizeof sets, sets); }
};

}  // namespace

uint32_t usable_cpus(ControlGroups groups) {
    Affinity affinity;
    const long cpus = affinity.get() ? affinity.count() : sysconf(_SC_NPROCESSORS_ONLN);
    const uint32_t most = cpus < 1 ? 1 : static_cast<uint32_t>(cpus);
    const uint32_t quota = cpus_of_quota(groups);
    return quota && quota < most ? quota : most;
}

int current_cpu() { return sched_getcpu(); }

void leave_cpu(int cpu) {
    Affinity allowed;
    if (!allowed.get()) return;
    Affinity others = allowed;
    others.remove(cpu);
    if (others.count() != 0 && others.set()) allowed.set();
}

#else

uint32_t usable_cpus(ControlGroups) {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : static_cast<uint32_t>(online);
}

int current_cpu() { return -1; }

void leave_cpu(int) {}

#endif

}  // namespace densq
