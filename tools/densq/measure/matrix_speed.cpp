// SPDX-License-Identifier: MIT
// matrix_speed.cpp - the contestants take turns inside one run, each call on the next copy.
//
// Google Benchmark runs one contestant after the other, so that other work of the machine slows
// down only one of them.  Here the next turn always goes to the contestant with the least time so
// far.  Each of its calls counts as long as its fastest one, so that an interruption costs no turn.
#include "matrix_speed.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

#include "densq/layout.h"
#include "densq/threads.h"
#include "compute_device.hpp"
#include "other_work.hpp"
#include "tools/densq/format/file_contents.hpp"

namespace densq::tool {
namespace {

constexpr size_t kMinCalls = 5;
constexpr uint64_t kMaxCopies = 16384;  // each has its handles: very small matrices stay cached
constexpr size_t kHugePage = size_t{2} << 20;
constexpr double kRoundSeconds = 0.03;                  // for each contestant of a library
constexpr std::chrono::milliseconds kPollingTime{200};  // ggml polls for 100 before it sleeps

// New memory from the system, like that into which a file is read.
struct FreshMemory {
    size_t bytes;
    void *memory;

    explicit FreshMemory(size_t size)
        : bytes(size),
          memory(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        if (memory == MAP_FAILED)
            throw std::runtime_error("no memory for " + std::to_string(size) +
                                     " bytes of copies; give a smaller --cold-bytes");
    }
    FreshMemory(const FreshMemory &) = delete;
    FreshMemory &operator=(const FreshMemory &) = delete;
    ~FreshMemory() { munmap(memory, bytes); }
};

// Copies of a file, one after the other in memory, all open.
class Copies {
public:
    Copies(const MatrixImage &matrix_image, size_t number, bool huge_pages)
        : image(matrix_image), stride(image.bytes.size()), arena(stride * number + kHugePage) {
        const uintptr_t start = reinterpret_cast<uintptr_t>(arena.memory);
        first = static_cast<uint8_t *>(arena.memory) + (kHugePage - start % kHugePage);
#ifdef MADV_HUGEPAGE
        if (huge_pages) madvise(first, stride * number, MADV_HUGEPAGE);
#endif
        for (size_t i = 0; i < number; ++i) add(first + i * stride);
    }

    size_t count() const { return files.size(); }
    const densq_file *file(size_t copy) const { return files[copy].get(); }
    const uint8_t *matrix(size_t copy) const { return first + copy * stride + image.begin; }

private:
    void add(uint8_t *at) {
        std::memcpy(at, image.bytes.data(), image.bytes.size());
        files.push_back(open_bytes(at, image.bytes.size(), DENSQ_OPEN_SKIP_CHECKSUM));
    }

    const MatrixImage &image;
    size_t stride;  // a multiple of DENSQ_ALIGNMENT, as every file's size is
    FreshMemory arena;
    uint8_t *first;
    std::vector<File> files;
};

const densq_provider *provider_of(const BenchPlan &plan, const std::string &backend) {
    if (plan.device->provider()) return plan.device->provider();
    const std::vector<std::string> listed = cpu_backends();
    return std::find(listed.begin(), listed.end(), backend) != listed.end() ? nullptr
                                                                            : plan.provider;
}

// A backend with every copy bound to it.
struct BoundCopies {
    Backend backend;
    std::vector<Weights> weights;

    BoundCopies(const Copies &copies, Backend of) : backend(std::move(of)) {
        for (size_t i = 0; i < copies.count(); ++i) {
            densq_weights *bound = nullptr;
            densq_fault fault{};
            require(densq_bind(&bound, backend.get(), copies.file(i), 0, &fault), fault);
            weights.emplace_back(bound);
        }
    }
};

// The vectors of one contestant, in its device's memory.
struct BenchVectors {
    size_t workspace_bytes;
    DeviceMemory x, y, workspace;

    BenchVectors(Device &device, const MatrixImage &image, const densq_weights *weights,
                 uint32_t batch)
        : workspace_bytes(densq_workspace_size(weights, batch)),
          x(device, size_t{batch} * image.cols * sizeof(float)),
          y(device, size_t{batch} * image.rows * sizeof(float)),
          workspace(device, workspace_bytes) {
        std::vector<float> activations(size_t{batch} * image.cols);
        std::mt19937 random(1);
        std::normal_distribution<float> activation;
        for (float &value : activations) value = activation(random);
        device.upload(x.data(), activations.data(), activations.size() * sizeof(float));
    }
};

struct Contestant {
    std::string library;  // that it calls; empty: ours
    BenchResult result;
    std::function<void()> call;
    Device *device = nullptr;  // to wait for; NULL: none
    bool warm = false;         // others may have taken its matrix out of the cache
    double fastest = std::numeric_limits<double>::infinity();

    size_t calls() const { return result.seconds.size(); }
    double time_had() const { return calls() ? static_cast<double>(calls()) * fastest : 0; }

    double time_call() {
        using Clock = std::chrono::steady_clock;
        const uint32_t number = device ? device->calls_to_time() : 1;
        if (warm) call();
        const auto start = Clock::now();
        for (uint32_t i = 0; i < number; ++i) call();
        if (device) device->finish();
        const double time = std::chrono::duration<double>(Clock::now() - start).count();
        result.seconds.push_back(time / number);
        fastest = std::min(fastest, time);
        return time;
    }
};

// The copies of an image, and the contestants that multiply or read them.
class BenchedMatrix {
public:
    BenchedMatrix(const MatrixImage &matrix_image, const BenchPlan &plan, densq_threads *pool)
        : image(matrix_image), device(*plan.device),
          copies(image, copies_of(image, plan), plan.huge_pages) {
        std::vector<const uint8_t *> matrices;
        for (size_t i = 0; i < copies.count(); ++i) matrices.push_back(copies.matrix(i));
        reading = device.plain_reader(matrices, image.end - image.begin,
                                      densq_tile_count(image.rows), pool);
        for (const std::string &name : plan.backends)
            for (const densq_precision precision : plan.precisions)
                bound.push_back(std::make_unique<BoundCopies>(
                    copies, create_backend(provider_of(plan, name), name, precision, pool)));
    }

    void add_contestants(const BenchPlan &plan, std::vector<Contestant> *to) {
        to->push_back(make_contestant([this] { reading.read(next_copy()); }));
        to->back().result.way = reading.way;
        size_t next = 0;
        for (const std::string &backend : plan.backends)
            for (const densq_precision precision : plan.precisions) {
                const BoundCopies &matrices = *bound[next++];
                for (const uint32_t batch : plan.batches) {
                    Contestant contestant = make_contestant(matmul_of(matrices, batch));
                    contestant.result.backend = backend;
                    contestant.result.precision = precision;
                    contestant.result.batch = batch;
                    to->push_back(contestant);
                }
            }
    }

private:
    Contestant make_contestant(std::function<void()> call) const {
        Contestant contestant;
        contestant.result.image = &image;
        contestant.result.bytes = image.end - image.begin;
        contestant.call = std::move(call);
        contestant.device = &device;
        return contestant;
    }

    size_t next_copy() { return turn = (turn + 1) % copies.count(); }

    std::function<void()> matmul_of(const BoundCopies &matrices, uint32_t batch) {
        const auto vectors =
            std::make_shared<BenchVectors>(device, image, matrices.weights[0].get(), batch);
        return [this, vectors, &matrices, batch] {
            const densq_weights *weights = matrices.weights[next_copy()].get();
            require(densq_matmul(weights, batch, static_cast<const float *>(vectors->x.data()),
                                 image.cols, static_cast<float *>(vectors->y.data()), image.rows,
                                 vectors->workspace.data(), vectors->workspace_bytes));
        };
    }

    const MatrixImage &image;
    Device &device;
    Copies copies;
    PlainReading reading;
    std::vector<std::unique_ptr<BoundCopies>> bound;  // [backend][precision]
    size_t turn = 0;
};

using Library = std::vector<Contestant *>;

// Lets the contestants take turns for about `seconds`.
double take_turns(const Library &library, double seconds) {
    const auto had_less = [](const Contestant *a, const Contestant *b) {
        return a->time_had() < b->time_had();
    };
    double total = 0;
    while (total < seconds)
        total += (*std::min_element(library.begin(), library.end(), had_less))->time_call();
    return total;
}

void take_rounds(std::vector<Contestant> &contestants, double seconds) {
    std::map<std::string, Library> libraries;
    for (Contestant &contestant : contestants) libraries[contestant.library].push_back(&contestant);
    const auto finished = [](const Contestant &contestant) {
        return contestant.calls() >= kMinCalls;
    };
    const double share = std::min(kRoundSeconds, seconds / static_cast<double>(contestants.size()));
    for (double total = 0;
         total < seconds || !std::all_of(contestants.begin(), contestants.end(), finished);) {
        for (const auto &[name, library] : libraries) {
            if (libraries.size() > 1) std::this_thread::sleep_for(kPollingTime);
            for (Contestant *contestant : library)
                contestant->call();  // page in code, wake threads
            total += take_turns(library, share * static_cast<double>(library.size()));
        }
    }
}

// Forgets what was measured before.  Returns what other processes took meanwhile.
std::optional<double> take_rounds_anew(std::vector<Contestant> &contestants, double seconds) {
    for (Contestant &contestant : contestants) {
        contestant.result.seconds.clear();
        contestant.fastest = std::numeric_limits<double>::infinity();
    }
    const OtherWork watch;
    take_rounds(contestants, seconds);
    return watch.share();
}

}  // namespace

double BenchResult::quantile(double q) const {
    return seconds.at(
        static_cast<size_t>(std::lround(q * static_cast<double>(seconds.size() - 1))));
}

size_t copies_of(size_t matrix_bytes, uint64_t cold_bytes) {
    return std::min(cold_bytes / matrix_bytes + 1, kMaxCopies);
}

size_t copies_of(const MatrixImage &image, const BenchPlan &plan) {
    return copies_of(image.end - image.begin, plan.cold_bytes);
}

std::vector<BenchResult> measure(const std::vector<const MatrixImage *> &images,
                                 const BenchPlan &plan, uint32_t threads,
                                 const std::vector<Peer> &peers) {
    densq_threads *created = nullptr;
    require(densq_threads_create(&created, threads));
    const Pool pool(created);
    std::vector<std::unique_ptr<BenchedMatrix>> benched;
    std::vector<Contestant> contestants;
    for (const MatrixImage *image : images) {
        benched.push_back(std::make_unique<BenchedMatrix>(*image, plan, created));
        benched.back()->add_contestants(plan, &contestants);
    }
    for (const Peer &peer : peers) {
        Contestant contestant;
        contestant.library = peer.library;
        contestant.result.backend = peer.name;
        contestant.result.batch = peer.batch;
        contestant.result.bytes = peer.bytes;
        contestant.call = peer.call;
        contestants.push_back(contestant);
    }
    for (Contestant &contestant : contestants) contestant.warm = plan.cold_bytes == 0;
    std::vector<Contestant> quietest;
    repeat_while_disturbed(
        plan.attempts, [&] { return take_rounds_anew(contestants, plan.seconds); },
        [&](std::optional<double> others) {
            quietest = contestants;
            for (Contestant &contestant : quietest) contestant.result.others = others;
        });
    std::vector<BenchResult> results;
    for (Contestant &contestant : quietest) {
        std::sort(contestant.result.seconds.begin(), contestant.result.seconds.end());
        contestant.result.threads = threads;
        results.push_back(std::move(contestant.result));
    }
    return results;
}

}  // namespace densq::tool
