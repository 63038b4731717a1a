// SPDX-License-Identifier: MIT
#include "emulator.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "thread_block.hpp"

namespace densq::emulator {

namespace {

thread_local Machine *current_machine;

constexpr uint32_t kMaxThreads = 1024;
constexpr uint32_t kMaxGridYZ = 65535;
constexpr int kInvalidValue = 1;  // cudaErrorInvalidValue

bool valid(const LaunchShape &shape, const Options &options) {
    const Dim &grid = shape.grid;
    return shape.threads && shape.threads % device::kWarpThreads == 0 &&
           shape.threads <= kMaxThreads && shape.dynamic_shared_bytes <= options.shared_bytes &&
           grid.x && grid.y && grid.z && grid.x < 1u << 31 && grid.y <= kMaxGridYZ &&
           grid.z <= kMaxGridYZ;
}

std::vector<Dim> shuffled_thread_blocks(Dim grid, std::mt19937_64 &random) {
    std::vector<Dim> blocks;
    for (uint32_t z = 0; z < grid.z; ++z)
        for (uint32_t y = 0; y < grid.y; ++y)
            for (uint32_t x = 0; x < grid.x; ++x) blocks.push_back({x, y, z});
    std::shuffle(blocks.begin(), blocks.end(), random);
    return blocks;
}

}  // namespace

Emulator::Emulator(Options options) : machine(std::make_unique<Machine>()), outer(current_machine) {
    machine->random.seed(options.seed);
    machine->options = options;
    current_machine = machine.get();
}

Emulator::~Emulator() { current_machine = outer; }

void Emulator::lend(const void *at, size_t size, Use use) { machine->global.lend(at, size, use); }

const std::vector<Finding> &Emulator::findings() const { return machine->report.findings(); }
size_t Emulator::count(Kind kind) const { return machine->report.count(kind); }
std::string Emulator::text() const { return machine->report.text(); }

int runtime::launch(std::string kernel, const LaunchShape &shape,
                    const std::function<void()> &work) {
    Machine *machine = current_machine;
    if (!machine) {
        std::fputs("a kernel is launched but there is no Emulator\n", stderr);
        std::abort();
    }
    if (!valid(shape, machine->options)) {
        machine->report.add({Kind::kBadArgument, kernel, {0, 0, 0}, 0, {}, "no such launch", 1});
        return kInvalidValue;
    }
    machine->order.begin_launch();
    for (const Dim &index : shuffled_thread_blocks(shape.grid, machine->random))
        ThreadBlock(*machine, kernel, shape, index, work).run();
    return 0;
}

}  // namespace densq::emulator
