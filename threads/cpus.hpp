// SPDX-License-Identifier: MIT
// cpus.hpp - the CPUs that a thread may use, and the one that it runs on.
#pragma once
#include <stdint.h>

namespace densq {

// Where Linux tells of control groups: the groups of this process, and the folder where all are
// mounted.
struct ControlGroups {
    const char *membership = "/proc/self/cgroup", *mount = "/sys/fs/cgroup";
};

// How many CPUs the calling thread may keep busy: by its affinity, and by the CPU time that its
// control groups allow it.  At least 1.
uint32_t usable_cpus(ControlGroups groups = {});

// The CPU time that control groups allow per time, as CPUs, rounded; 0: any.  Of nested groups the
// strictest counts.
uint32_t cpus_of_quota(ControlGroups groups);

// The CPU that the calling thread runs on; -1: unknown.
int current_cpu();

// Moves the calling thread from `cpu` to another one that it may use, if there is one.  Afterwards
// it may use `cpu` again.
void leave_cpu(int cpu);

}  // namespace densq
