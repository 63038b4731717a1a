// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <new>

#include "densq/format.h"
#include "compute_device.hpp"
#include "plain_read.hpp"

namespace densq::tool {
namespace {

constexpr std::align_val_t kAlignment{64};

std::string cpu_name() {
    const std::string key = "model name";
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.compare(0, key.size(), key) == 0 && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "unknown CPU";
}

// Reads matrices on the threads of a pool, each cut into pieces.
class PlainReader {
public:
    PlainReader(const std::vector<const uint8_t *> &all, size_t size, uint32_t piece_count,
                densq_threads *threads)
        : matrices(all), lines(size / DENSQ_ALIGNMENT), pieces(piece_count), pool(threads),
          sums(pieces) {}

    void read(size_t matrix) {
        bytes = matrices[matrix];
        densq_threads_run(pool, pieces, read_pieces, this);
    }

    // Tries all ways of reading, and keeps the fastest.
    std::string choose_way() {
        double least = HUGE_VAL;
        ReadingWay fastest = way;
        size_t next = 0;
        for (const ReadingWay &tried : reading_ways()) {
            way = tried;
            std::vector<double> times;
            for (int i = 0; i < 5; ++i) times.push_back(time_read(next++ % matrices.size()));
            std::nth_element(times.begin(), times.begin() + 2, times.end());
            if (times[2] >= least) continue;
            least = times[2];
            fastest = tried;
        }
        way = fastest;
        return way.text();
    }

private:
    double time_read(size_t matrix) {
        using Clock = std::chrono::steady_clock;
        const auto start = Clock::now();
        read(matrix);
        return std::chrono::duration<double>(Clock::now() - start).count();
    }

    static void read_pieces(void *arg, uint32_t begin, uint32_t end) {
        PlainReader &self = *static_cast<PlainReader *>(arg);
        const size_t from = self.lines * begin / self.pieces;
        const size_t to = self.lines * end / self.pieces;
        self.sums[begin] = plain_read(self.way, self.bytes + from * DENSQ_ALIGNMENT, to - from);
    }

    std::vector<const uint8_t *> matrices;
    size_t lines;
    uint32_t pieces;
    densq_threads *pool;
    std::vector<uint64_t> sums;  // stored, so that the compiler does not leave out the reading
    const uint8_t *bytes = nullptr;
    ReadingWay way{1, 4, 0};
};

class Cpu : public Device {
public:
    std::string description() const override { return cpu_name(); }

    uint64_t cache_bytes() const override {
#ifdef _SC_LEVEL3_CACHE_SIZE
        return static_cast<uint64_t>(std::max(0l, sysconf(_SC_LEVEL3_CACHE_SIZE)));
#else
        return 0;
#endif
    }

    const densq_provider *provider() const override { return nullptr; }
    std::vector<densq_dtype> dtypes() const override { return {DENSQ_F32}; }
    std::vector<densq_precision> precisions() const override {
        return {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8};
    }
    bool uses_pool() const override { return true; }
    uint32_t calls_to_time() const override { return 1; }

    void *allocate(size_t bytes) override { return ::operator new(bytes, kAlignment); }
    void release(void *memory) override { ::operator delete(memory, kAlignment); }
    void upload(void *to, const void *from, size_t bytes) override { std::memcpy(to, from, bytes); }
    void download(void *to, const void *from, size_t bytes) override {
        std::memcpy(to, from, bytes);
    }

    void multiply(const densq_weights *weights, uint32_t batch, const DeviceVectors &x,
                  const DeviceVectors &y, void *workspace, size_t workspace_bytes) override {
        require(densq_matmul(weights, batch, static_cast<const float *>(x.first), x.stride,
                             static_cast<float *>(y.first), y.stride, workspace, workspace_bytes));
    }

    void finish() override {}

    PlainReading plain_reader(const std::vector<const uint8_t *> &matrices, size_t bytes,
                              uint32_t pieces, densq_threads *pool) override {
        const auto reader = std::make_shared<PlainReader>(matrices, bytes, pieces, pool);
        const std::string way = reader->choose_way();
        return {[reader](size_t matrix) { reader->read(matrix); }, way};
    }
};

}  // namespace

std::shared_ptr<Device> open_cpu() { return std::make_shared<Cpu>(); }

}  // namespace densq::tool
