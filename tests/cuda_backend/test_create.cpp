// SPDX-License-Identifier: MIT
// test_create.cpp - which devices there are, and backends on them.
#include <cstddef>
#include <cstring>

#include "lib/base/provider.hpp"

#include "cuda_options.hpp"

using namespace densq::test;

namespace {

std::string refuse(densq_status expected, const char *name) {
    return densq::test::refuse(expected, cuda_options(name));
}

}  // namespace

TEST_CASE("backends by name") {
    const EmulatedMachine machine(12);
    for (const char *name : {"cuda:0", "cuda:3", "cuda:9", "cuda:10", "cuda:11"})
        CHECK(densq_backend_name(make_backend(cuda_options(name)).get()) == std::string(name));
    CHECK(densq_backend_name(make_backend(cuda_options()).get()) == std::string("cuda:0"));
    CHECK(densq_backend_name(make_backend(cuda_options("cuda")).get()) == std::string("cuda:0"));
    CHECK(machine.current_device == 0);
}

TEST_CASE("names that are none") {
    const EmulatedMachine machine;
    for (const char *name : {"", "cud", "cuda:", "cuda:-1", "cuda:00", "cuda:0 ", "cuda:64",
                             "cuda:4294967296", "CUDA:0", "avx2"})
        CHECK(refuse(DENSQ_ERR_NOT_FOUND, name) ==
              "CUDA has no backend '" + std::string(name) + "': they are cuda:0 to cuda:63");
    CHECK(refuse(DENSQ_ERR_NOT_FOUND, "cuda:1") ==
          "there is no cuda:1: CUDA shows this process 1 device");
    CHECK(refuse(DENSQ_ERR_NOT_FOUND, "cuda:63") ==
          "there is no cuda:63: CUDA shows this process 1 device");
    const EmulatedMachine two(2);
    CHECK(refuse(DENSQ_ERR_NOT_FOUND, "cuda:2") ==
          "there is no cuda:2: CUDA shows this process 2 devices");
}

TEST_CASE("a precision that a later densq.h has and these backends lack") {
    const EmulatedMachine machine;
    densq_backend_options options = cuda_options();
    options.precision = DENSQ_INT8;
    densq_backend *backend = nullptr;
    densq_fault fault = {};
    CHECK(options.provider->create(&backend, options, {}, &fault) == DENSQ_ERR_UNSUPPORTED);
    CHECK(std::string(fault.text) == "CUDA's backends have the precisions fast and exact, "
                                     "not number 3 of densq_precision");
}

TEST_CASE("without a driver, a device, or a new enough one") {
    EmulatedMachine machine(0);
    CHECK(refuse(DENSQ_ERR_UNSUPPORTED, "cuda:0") == "this machine has no CUDA device");
    machine.has_driver = false;
    const std::string no_driver =
        "no NVIDIA driver, or one too old: this build needs one for CUDA 13.0";
    CHECK(refuse(DENSQ_ERR_UNSUPPORTED, nullptr) == no_driver);
    uint32_t count = 7;
    densq_fault fault = {};
    CHECK(densq_cuda_count(&count, &fault) == DENSQ_ERR_UNSUPPORTED);
    CHECK(count == 0);
    CHECK(fault.text == no_driver);
    densq_cuda_device device = {};
    device.struct_size = sizeof device;
    CHECK(densq_cuda_get_device(0, &device, &fault) == DENSQ_ERR_UNSUPPORTED);
    // The CPU's backends are not concerned.
    CHECK(make_backend(backend_options()) != nullptr);

    EmulatedMachine old(2);
    old.devices[1].compute_major = 7;
    old.devices[1].compute_minor = 4;
    CHECK(refuse(DENSQ_ERR_UNSUPPORTED, "cuda:1") ==
          "cuda:1 is 'Emulated GPU 1' of compute capability 7.4: too old, 7.5 is needed");
    old.devices[1].compute_minor = 5;
    CHECK(make_backend(cuda_options("cuda:1")) != nullptr);
    old.devices[1].compute_major = 12;
    old.devices[1].compute_minor = 0;
    CHECK(make_backend(cuda_options("cuda:1")) != nullptr);
}

TEST_CASE("the list of devices") {
    EmulatedMachine machine(3);
    machine.devices[2].compute_major = 9;
    uint32_t count = 0;
    CHECK(densq_cuda_count(&count, nullptr) == DENSQ_OK);
    CHECK(count == 3);
    densq_cuda_device device = {};
    device.struct_size = sizeof device;
    densq_fault fault = {};
    REQUIRE(densq_cuda_get_device(2, &device, &fault) == DENSQ_OK);
    CHECK(device.struct_size == sizeof device);
    CHECK(device.name == std::string("Emulated GPU 2"));
    CHECK(device.compute_major == 9);
    CHECK(device.compute_minor == 0);
    CHECK(device.multiprocessors == 4);
    CHECK(device.memory_bytes == 1u << 30);
    CHECK(device.l2_bytes == 1u << 20);
    CHECK(device.driver_version == 13010);
    CHECK(device.runtime_version == 13000);
    CHECK(densq_cuda_get_device(3, &device, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(fault.text == std::string("device 3 of a machine with 3"));
    CHECK(device.name[0] == '\0');
    CHECK(densq_cuda_get_device(0, nullptr, &fault) == DENSQ_ERR_ARGUMENT);
    for (const size_t size : {size_t{0}, sizeof device - 1, size_t{4097}}) {
        device.struct_size = size;
        CHECK(densq_cuda_get_device(0, &device, &fault) == DENSQ_ERR_ARGUMENT);
    }
    struct Newer {
        densq_cuda_device known;
        uint64_t added, behind;
    } newer = {{}, 77, 78};
    newer.known.struct_size = offsetof(Newer, behind);
    CHECK(densq_cuda_get_device(2, &newer.known, &fault) == DENSQ_OK);
    CHECK(newer.known.struct_size == offsetof(Newer, behind));
    CHECK(newer.known.compute_major == 9);
    CHECK(newer.added == 0);
    CHECK(newer.behind == 78);
    CHECK(densq_cuda_count(nullptr, &fault) == DENSQ_ERR_ARGUMENT);
}

TEST_CASE("several backends at a time, weights released in any order") {
    EmulatedMachine machine(2);
    machine.current_device = 1;
    const Backend first = make_backend(cuda_options("cuda:0"));
    const Backend second = make_backend(cuda_options("cuda:1"));
    const Backend cpu = make_backend(backend_options());
    const densq_file *file = golden().file.get();
    for (const bool reversed : {false, true}) {
        std::vector<Weights> weights;
        for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i)
            for (const Backend *backend : {&first, &second, &cpu})
                weights.push_back(make_weights(*backend, file, i));
        CHECK(machine.copies_to_device == machine.blocks.size());
        CHECK(machine.blocks.size() == 2 * densq_count(file, DENSQ_MATRIX));
        while (!weights.empty()) weights.erase(reversed ? weights.end() - 1 : weights.begin());
        check_clean(machine);
        machine.copies_to_device = 0;
    }
    CHECK(machine.current_device == 1);
}
