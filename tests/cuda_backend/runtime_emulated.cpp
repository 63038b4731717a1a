// SPDX-License-Identifier: MIT
// runtime_emulated.cpp - cuda/cuda_runtime.hpp on the latest EmulatedMachine.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "emulated.hpp"
#include "tests/cuda/emulator/emulator.hpp"

namespace densq::test {
namespace {

constexpr int kInvalidValue = 1, kInvalidDevice = 101, kLaunchFailure = 719;
constexpr size_t kAlignment = 256;

EmulatedMachine *machine;

cuda::DeviceProperties make_device(unsigned number) {
    cuda::DeviceProperties device = {};
    std::snprintf(device.name, sizeof device.name, "Emulated GPU %u", number);
    device.compute_major = 8;
    device.multiprocessors = 4;
    device.memory_bytes = 1u << 30;
    device.l2_bytes = 1u << 20;
    return device;
}

// What a call gives that is to fail, else 0.
int begin_call() { return machine->calls++ == machine->failing_call ? machine->failing_error : 0; }

// The block that holds a range, if it is in the current device's memory.
const DeviceBlock *find_block(const void *at, size_t size) {
    const auto begin = reinterpret_cast<uintptr_t>(at);
    auto block = machine->blocks.upper_bound(begin);
    if (block == machine->blocks.begin()) return nullptr;
    --block;
    const bool inside = begin + size <= block->first + block->second.size;
    return inside && block->second.device == machine->current_device ? &block->second : nullptr;
}

bool check_range(const char *what, const void *at, size_t size) {
    if (size == 0 || find_block(at, size)) return true;
    machine->errors.push_back(std::string(what) + " is not in the current device's memory");
    return false;
}

// What the kernels of a call may touch besides the packed matrix.
struct Ranges {
    size_t x, y, workspace;  // bytes
};

Ranges ranges_of(const cuda::MultiplyCall &call) {
    const auto bytes = [&](size_t stride, uint32_t width, cuda::Dtype dtype) {
        return (size_t{call.batch - 1} * stride + width) * (dtype == cuda::Dtype::kF32 ? 4 : 2);
    };
    return {bytes(call.x_stride, call.matrix.cols, call.x_dtype),
            bytes(call.y_stride, call.matrix.rows, call.y_dtype),
            cuda::multiply_workspace_bytes(call.matrix, call.exact, call.batch)};
}

bool holds(uintptr_t block, const DeviceBlock &size, const void *at) {
    const auto address = reinterpret_cast<uintptr_t>(at);
    return block <= address && address < block + size.size;
}

int run(const cuda::MultiplyCall &call) {
    using emulator::Use;
    emulator::Emulator emulator;
    const Ranges ranges = ranges_of(call);
    emulator.lend(call.x, ranges.x, Use::kInput);
    emulator.lend(call.y, ranges.y, Use::kOutput);
    emulator.lend(call.workspace, ranges.workspace, Use::kOutput);
    for (const auto &[at, block] : machine->blocks)
        if (!holds(at, block, call.x) && !holds(at, block, call.y) &&
            !holds(at, block, call.workspace))
            emulator.lend(reinterpret_cast<void *>(at), block.size, Use::kInput);
    const int error = cuda::multiply_on_stream(call);
    if (emulator.findings().empty()) return error;
    machine->errors.push_back(emulator.text());
    return kLaunchFailure;
}

bool check_call(const cuda::MultiplyCall &call) {
    if (reinterpret_cast<uintptr_t>(call.workspace) % kAlignment)
        machine->errors.push_back("the workspace is not aligned");
    const Ranges ranges = ranges_of(call);
    return check_range("x", call.x, ranges.x) && check_range("y", call.y, ranges.y) &&
           check_range("the workspace", call.workspace, ranges.workspace);
}

int copy_now(void *to, const void *from, size_t size) {
    std::memcpy(to, from, size);
    return 0;
}

}  // namespace

EmulatedMachine::EmulatedMachine(unsigned device_count) : outer(machine) {
    for (unsigned i = 0; i < device_count; ++i) devices.push_back(make_device(i));
    machine = this;
}

EmulatedMachine::~EmulatedMachine() { machine = outer; }

int EmulatedMachine::finish_pending() {
    int error = 0;
    for (const auto &work : pending)
        if (const int failed = work()) error = failed;
    pending.clear();
    return error;
}

}  // namespace densq::test

namespace densq::cuda {

using namespace densq::test;

const char *error_name(int) { return "cudaErrorEmulated"; }
const char *error_text(int) { return "an emulated error"; }

int runtime_version() { return 13000; }
int driver_version() { return machine->has_driver ? 13010 : 0; }

int count_devices(int *count) {
    if (const int error = begin_call()) return error;
    if (!machine->has_driver) return kErrorInsufficientDriver;
    *count = static_cast<int>(machine->devices.size());
    return machine->devices.empty() ? kErrorNoDevice : 0;
}

int get_current_device(int *device) {
    *device = machine->current_device;
    return begin_call();
}

int set_current_device(int device) {
    if (const int error = begin_call()) return error;
    if (device < 0 || static_cast<size_t>(device) >= machine->devices.size()) return kInvalidDevice;
    machine->current_device = device;
    return 0;
}

int get_properties(int device, DeviceProperties *out) {
    if (const int error = begin_call()) return error;
    *out = machine->devices.at(static_cast<size_t>(device));
    return 0;
}

int allocate_device(void **out, size_t size) {
    if (const int error = begin_call()) return error;
    if (size > machine->memory_left) return kErrorMemory;
    void *memory = nullptr;
    if (posix_memalign(&memory, kAlignment, size)) std::abort();
    std::memset(memory, 0xAA, size);
    machine->memory_left -= size;
    machine->blocks[reinterpret_cast<uintptr_t>(memory)] = {size, machine->current_device};
    *out = memory;
    return 0;
}

int free_device(void *memory) {
    machine->finish_pending();
    const auto block = machine->blocks.find(reinterpret_cast<uintptr_t>(memory));
    if (block == machine->blocks.end() || block->second.device != machine->current_device) {
        machine->errors.push_back("what is freed is no memory of the current device");
        return kInvalidValue;
    }
    machine->memory_left += block->second.size;
    machine->blocks.erase(block);
    std::free(memory);
    return 0;
}

int copy_to_device(void *device, const void *host, size_t size) {
    if (const int error = begin_call()) return error;
    ++machine->copies_to_device;
    if (!check_range("a copy's target", device, size)) return kInvalidValue;
    const int error = machine->finish_pending();
    return error ? error : copy_now(device, host, size);
}

int copy_to_host(void *host, const void *device, size_t size) {
    if (const int error = begin_call()) return error;
    if (!check_range("a copy's source", device, size)) return kInvalidValue;
    const int error = machine->finish_pending();
    return error ? error : copy_now(host, device, size);
}

int copy_on_device(void *to, const void *from, size_t size) {
    if (const int error = begin_call()) return error;
    if (!check_range("a copy's target", to, size) || !check_range("a copy's source", from, size))
        return kInvalidValue;
    machine->pending.push_back([=] { return copy_now(to, from, size); });
    return 0;
}

int synchronize() {
    if (const int error = begin_call()) return error;
    return machine->finish_pending();
}

int start(const MultiplyCall &call) {
    if (const int error = begin_call()) return error;
    machine->streams.push_back(call.stream);
    if (!check_call(call)) return kInvalidValue;
    machine->pending.push_back([call] { return run(call); });
    return 0;
}

}  // namespace densq::cuda
