// SPDX-License-Identifier: MIT
// bench_measure.cpp - the contestants take turns inside one run, each call on the next copy.
//
// Google Benchmark runs one contestant after the other, so that what else the machine does falls
// on one of them.  Here the one that has had the least time is always next, counting each call as
// its fastest, so that an interruption costs nobody a turn.
#include "bench_measure.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>

#include "densq/layout.h"
#include "densq/threads.h"
#include "entries.hpp"
#include "plain_read.hpp"

namespace densq::tool {
namespace {

constexpr size_t kMinCalls = 5;
constexpr uint64_t kMaxCopies = 16384;  // each has its handles: very small matrices stay cached
constexpr size_t kHugePage = size_t{2} << 20;

void require(densq_status status, const densq_fault &fault = {}) {
    if (status == DENSQ_OK) return;
    throw std::runtime_error(fault.text[0] ? fault.text : densq_strerror(status));
}

template <auto destroy>
struct Destroy {
    template <typename T>
    void operator()(T *object) const {
        destroy(&object);
    }
};
using Backend = std::unique_ptr<densq_backend, Destroy<densq_backend_destroy>>;
using Weights = std::unique_ptr<densq_weights, Destroy<densq_unbind>>;
using Pool = std::unique_ptr<densq_threads, Destroy<densq_threads_destroy>>;

// Fresh memory from the system, as a file is read into.
struct Arena {
    size_t bytes;
    void *memory;

    explicit Arena(size_t size)
        : bytes(size),
          memory(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        if (memory == MAP_FAILED)
            throw std::runtime_error("no memory for " + std::to_string(size) +
                                     " bytes of copies; give a smaller --cold-bytes");
    }
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    ~Arena() { munmap(memory, bytes); }
};

// Copies of a file one after the other in memory, all of them open.
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
        densq_open_options options{};
        options.struct_size = sizeof options;
        options.flags = DENSQ_OPEN_SKIP_CHECKSUM;
        densq_file *opened = nullptr;
        densq_fault fault{};
        require(densq_open_memory(&opened, at, image.bytes.size(), &options, &fault), fault);
        files.emplace_back(opened);
    }

    const MatrixImage &image;
    size_t stride;  // a multiple of DENSQ_ALIGNMENT, as every file's size is
    Arena arena;
    uint8_t *first;
    std::vector<File> files;
};

// A backend with every copy bound to it.
struct BoundCopies {
    Backend backend;
    std::vector<Weights> weights;

    BoundCopies(const Copies &copies, const std::string &name, densq_precision precision,
                densq_threads *pool) {
        densq_backend_options options{};
        options.struct_size = sizeof options;
        options.name = name.c_str();
        options.precision = precision;
        options.parallel = densq_threads_run;
        options.parallel_user = pool;
        densq_backend *created = nullptr;
        densq_fault fault{};
        require(densq_backend_create(&created, &options, &fault), fault);
        backend.reset(created);
        for (size_t i = 0; i < copies.count(); ++i) {
            densq_weights *bound = nullptr;
            require(densq_bind(&bound, created, copies.file(i), 0, &fault), fault);
            weights.emplace_back(bound);
        }
    }
};

// Reads the bytes of a matrix on the threads of a pool, in as many pieces as it has tiles.
class PlainReader {
public:
    PlainReader(const MatrixImage &image, densq_threads *threads)
        : pool(threads),
          lines((image.end - image.begin) / DENSQ_LINE_BYTES),
          pieces(densq_tile_count(image.rows)),
          sums(pieces) {}

    void read(const uint8_t *matrix) {
        bytes = matrix;
        densq_threads_run(pool, pieces, read_pieces, this);
    }

private:
    static void read_pieces(void *arg, uint32_t begin, uint32_t end) {
        PlainReader &self = *static_cast<PlainReader *>(arg);
        const size_t from = self.lines * begin / self.pieces;
        const size_t to = self.lines * end / self.pieces;
        self.sums[begin] = plain_read(self.bytes + from * DENSQ_LINE_BYTES, to - from);
    }

    densq_threads *pool;
    size_t lines;
    uint32_t pieces;
    std::vector<uint64_t> sums;  // kept, so that no compiler leaves the reading out
    const uint8_t *bytes = nullptr;
};

// The vectors of one contestant.
struct Operands {
    std::vector<float> x, y;
    std::vector<std::max_align_t> workspace;

    Operands(const MatrixImage &image, const densq_weights *weights, uint32_t batch)
        : x(size_t{batch} * image.cols),
          y(size_t{batch} * image.rows),
          workspace(densq_workspace_size(weights, batch) / sizeof(std::max_align_t) + 1) {
        std::mt19937 random(1);
        std::normal_distribution<float> activation;
        for (float &value : x) value = activation(random);
    }
};

struct Contestant {
    BenchResult result;
    std::function<void(size_t copy)> call;
    double fastest = std::numeric_limits<double>::infinity();

    size_t calls() const { return result.seconds.size(); }
    double time_had() const { return calls() ? static_cast<double>(calls()) * fastest : 0; }

    double time_call(size_t copy) {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        call(copy);
        const double time = std::chrono::duration<double>(Clock::now() - start).count();
        result.seconds.push_back(time);
        fastest = std::min(fastest, time);
        return time;
    }
};

Contestant make_matmul(const MatrixImage &image, const BoundCopies &bound, uint32_t batch) {
    const auto operands = std::make_shared<Operands>(image, bound.weights[0].get(), batch);
    Contestant contestant;
    contestant.result.batch = batch;
    contestant.call = [operands, &image, &bound, batch](size_t copy) {
        require(densq_matmul(bound.weights[copy].get(), batch, operands->x.data(), image.cols,
                             operands->y.data(), image.rows, operands->workspace.data(),
                             operands->workspace.size() * sizeof(std::max_align_t)));
    };
    return contestant;
}

void take_turns(std::vector<Contestant> &contestants, size_t copies, double seconds) {
    size_t copy = 0;
    const auto next_copy = [&] { return copy = (copy + 1) % copies; };
    for (Contestant &contestant : contestants) contestant.call(next_copy());  // page in the code
    const auto had_less = [](const Contestant &a, const Contestant &b) {
        return a.time_had() < b.time_had();
    };
    const auto called_less = [](const Contestant &a, const Contestant &b) {
        return a.calls() < b.calls();
    };
    for (double total = 0;;) {
        const bool in_time = total < seconds;
        auto next = in_time ? std::min_element(contestants.begin(), contestants.end(), had_less)
                            : std::min_element(contestants.begin(), contestants.end(), called_less);
        if (!in_time && next->calls() >= kMinCalls) break;
        total += next->time_call(next_copy());
    }
}

}  // namespace

double BenchResult::quantile(double q) const {
    return seconds.at(static_cast<size_t>(q * static_cast<double>(seconds.size() - 1) + 0.5));
}

size_t copies_of(const MatrixImage &image, const BenchPlan &plan) {
    return std::min(plan.cold_bytes / (image.end - image.begin) + 1, kMaxCopies);
}

std::vector<BenchResult> measure(const MatrixImage &image, const BenchPlan &plan,
                                 uint32_t threads) {
    densq_threads *created = nullptr;
    require(densq_threads_create(&created, threads));
    const Pool pool(created);
    const Copies copies(image, copies_of(image, plan), plan.huge_pages);
    PlainReader reader(image, created);
    std::vector<std::unique_ptr<BoundCopies>> bound;
    std::vector<Contestant> contestants(1);
    contestants[0].call = [&](size_t copy) { reader.read(copies.matrix(copy)); };
    for (const std::string &backend : plan.backends) {
        for (densq_precision precision : plan.precisions) {
            bound.push_back(std::make_unique<BoundCopies>(copies, backend, precision, created));
            for (uint32_t batch : plan.batches) {
                contestants.push_back(make_matmul(image, *bound.back(), batch));
                contestants.back().result.backend = backend;
                contestants.back().result.precision = precision;
            }
        }
    }
    take_turns(contestants, copies.count(), plan.seconds);
    std::vector<BenchResult> results;
    for (Contestant &contestant : contestants) {
        std::sort(contestant.result.seconds.begin(), contestant.result.seconds.end());
        contestant.result.threads = threads;
        results.push_back(std::move(contestant.result));
    }
    return results;
}

}  // namespace densq::tool
