// SPDX-License-Identifier: MIT
// test_cpus.cpp - which CPUs a pool counts and uses, and when its caller works alone.
#include <doctest/doctest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "threads/back_off.hpp"
#include "threads/cpus.hpp"

using namespace densq;

namespace {

namespace fs = std::filesystem;

// Control groups as Linux shows them, in a folder of our own.
class Groups {
public:
    Groups() : folder(fs::temp_directory_path() / ("densq-groups-" + std::to_string(::getpid()))) {
        fs::create_directories(folder);
    }
    ~Groups() { fs::remove_all(folder); }

    void set(const std::string &path, const std::string &text) const {
        fs::create_directories((folder / path).parent_path());
        std::ofstream(folder / path) << text;
    }

    // For a process whose /proc/self/cgroup is `membership`.
    uint32_t cpus(const std::string &membership,
                  uint32_t count(ControlGroups) = cpus_of_quota) const {
        set("membership", membership);
        const std::string file = folder / "membership", mount = folder;
        return count({file.c_str(), mount.c_str()});
    }

private:
    fs::path folder;
};

}  // namespace

TEST_CASE("a quota of CPU time counts as CPUs, rounded, one at least") {
    const Groups groups;
    for (const auto &quota : {std::pair{"max 100000\n", 0u},
                              {"100000 100000\n", 1u},
                              {"149000 100000\n", 1u},
                              {"150000 100000\n", 2u},
                              {"400000 100000\n", 4u},
                              {"25000 50000\n", 1u},
                              {"1000 100000\n", 1u},
                              {"0 100000\n", 0u},
                              {"100000 0\n", 0u},
                              {"-1 100000\n", 0u},
                              {"9223372036854775807 1\n", 0u},
                              {"99999999999999999999999 1\n", 0u},
                              {"", 0u},
                              {"nonsense", 0u}}) {
        CAPTURE(quota.first);
        groups.set("a/cpu.max", quota.first);
        CHECK(groups.cpus("0::/a\n") == quota.second);
    }
}

TEST_CASE("of nested groups the strictest counts") {
    const Groups groups;
    groups.set("a/cpu.max", "200000 100000\n");
    groups.set("a/b/cpu.max", "max 100000\n");
    groups.set("a/b/c/cpu.max", "300000 100000\n");
    CHECK(groups.cpus("0::/a/b/c\n") == 2);
    CHECK(groups.cpus("0::/a/b\n") == 2);
    CHECK(groups.cpus("0::/a/b/c/not/there\n") == 2);
    CHECK(groups.cpus("0::/\n") == 0);
    CHECK(groups.cpus("0::/elsewhere/d\n") == 0);
    groups.set("cpu.max", "100000 100000\n");  // as inside a container
    CHECK(groups.cpus("0::/elsewhere/d\n") == 1);
    CHECK(groups.cpus("0::/a/b/c") == 1);
}

TEST_CASE("the first version of control groups, and both at once") {
    const Groups groups;
    groups.set("cpu/a/cpu.cfs_quota_us", "300000\n");
    groups.set("cpu/a/cpu.cfs_period_us", "100000\n");
    groups.set("cpu/cpu.cfs_quota_us", "-1\n");
    groups.set("cpu/cpu.cfs_period_us", "100000\n");
    CHECK(groups.cpus("5:cpu,cpuacct:/a\n") == 3);
    CHECK(groups.cpus("5:cpuacct,cpu:/a\n") == 3);
    CHECK(groups.cpus("5:cpuset:/a\n") == 0);
    CHECK(groups.cpus("9:name=systemd:/a\n5:cpu:/a/b\n0::/\n") == 3);
    groups.set("a/cpu.max", "200000 100000\n");
    CHECK(groups.cpus("5:cpu:/a\n0::/a\n") == 2);
    CHECK(groups.cpus("") == 0);
    CHECK(groups.cpus("no colons\n0:one\n::\n") == 0);
    CHECK(groups.cpus("0::/" + std::string(10000, 'x')) == 0);
    CHECK(cpus_of_quota({"/not/there", "/not/there"}) == 0);
}

#if defined(__linux__)
TEST_CASE("a thread that leaves a CPU may use it again") {
    std::thread([] {
        cpu_set_t before, after;
        REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
        for (int i = 0; i < 20; ++i) {
            const int cpu = current_cpu();
            REQUIRE(cpu >= 0);
            leave_cpu(cpu);
            REQUIRE(sched_getaffinity(0, sizeof after, &after) == 0);
            CHECK(CPU_EQUAL(&before, &after));
            leave_cpu(100000);  // no such CPU
            REQUIRE(sched_getaffinity(0, sizeof after, &after) == 0);
            CHECK(CPU_EQUAL(&before, &after));
        }
    }).join();
}

TEST_CASE("a thread that leaves a CPU runs on another, if it may") {
    std::thread([] {
        cpu_set_t all;
        REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
        int moved = 0;
        for (int i = 0; i < 20; ++i) {
            const int cpu = current_cpu();
            leave_cpu(cpu);
            moved += current_cpu() != cpu;  // the system may move it back, but hardly each time
        }
        CHECK((moved > 0) == (CPU_COUNT(&all) > 1));
        const int cpu = current_cpu();
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(cpu, &only);
        REQUIRE(sched_setaffinity(0, sizeof only, &only) == 0);
        leave_cpu(current_cpu());
        CHECK(current_cpu() == cpu);
    }).join();
}

TEST_CASE("a quota counts if it is stricter than the affinity") {
    const Groups groups;
    const uint32_t cpus = usable_cpus({"/not/there", "/not/there"});
    groups.set("a/cpu.max", "100000 100000\n");
    CHECK(groups.cpus("0::/a\n", usable_cpus) == 1);
    groups.set("a/cpu.max", "819200000 100000\n");
    CHECK(groups.cpus("0::/a\n", usable_cpus) == cpus);
}

TEST_CASE("CPUs are counted by affinity") {
    std::thread([] {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(static_cast<size_t>(current_cpu()), &only);
        const uint32_t before = usable_cpus();
        if (sched_setaffinity(0, sizeof only, &only) != 0) return;  // it has just moved
        CHECK(usable_cpus() == 1);
        CHECK(before >= 1);
    }).join();
}
#endif

TEST_CASE("after a long wait the caller works alone, longer each time, and then less again") {
    constexpr int64_t kMillisecond = 1000000;
    BackOff back_off = {};
    CHECK_FALSE(back_off.works_alone(0));
    back_off.note_job(0, 10 * kMillisecond, 9 * kMillisecond);  // it worked for longer
    back_off.note_job(0, 10000, 50000);                         // it hardly waited
    CHECK_FALSE(back_off.works_alone(1));
    int64_t now = 0;
    for (const int64_t length : {4, 8, 16, 32, 32}) {
        back_off.note_job(now, 100000, 3 * kMillisecond);
        CHECK(back_off.works_alone(now + length * kMillisecond - 1));
        CHECK_FALSE(back_off.works_alone(now + length * kMillisecond));
        now += length * kMillisecond;
    }
    for (int job = 0; job < 200; ++job) back_off.note_job(now, 50000, 1000);
    back_off.note_job(now, 100000, 3 * kMillisecond);  // 32 halved four times: as at the beginning
    CHECK(back_off.works_alone(now + 4 * kMillisecond - 1));
    CHECK_FALSE(back_off.works_alone(now + 4 * kMillisecond));
}
