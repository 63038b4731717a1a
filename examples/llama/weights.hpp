// SPDX-License-Identifier: MIT
// weights.hpp - a densq file and what multiplies its matrices.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "densq/densq.h"
#include "densq/threads.h"
#include "multiplier.hpp"

namespace llama {

// Threads, shared by everything that runs.
class Threads {
public:
    explicit Threads(uint32_t count);  // 0: one per CPU
    ~Threads() { densq_threads_destroy(&pool); }
    Threads(const Threads &) = delete;
    Threads &operator=(const Threads &) = delete;

    densq_threads *get() const { return pool; }

    // Calls task(i) for every i < count, on all threads; must not throw.
    void run(uint32_t count, const std::function<void(uint32_t)> &task) const;

private:
    densq_threads *pool = nullptr;
};

// An open file with a backend to multiply by.
class Weights {
public:
    // `backend`: a backend's name, empty for the best.  The threads must outlive it.
    Weights(const std::string &path, const std::string &backend, densq_precision precision,
            const Threads &threads);

    const std::string path;
    const densq_file *file() const { return opened.get(); }
    Multiplier &multiplier() const { return *chosen; }
    const Threads &threads() const { return pool; }

    // The text of a metadata entry; Error if there is none.
    std::string text(const std::string &key) const;

    // A plain tensor of exactly that shape, in the file; Error if there is none.
    densq_tensor tensor(const std::string &name, const std::vector<uint32_t> &shape) const;

    // A plain vector of that length as floats.
    std::vector<float> vector(const std::string &name, uint32_t length) const;

    bool has_matrix(const std::string &name) const;

    // The index of a matrix of exactly that shape; Error if there is none.
    uint32_t matrix(const std::string &name, uint32_t rows, uint32_t cols) const;

private:
    struct Close {
        void operator()(densq_file *file) const { densq_close(&file); }
    };
    const Threads &pool;
    std::unique_ptr<densq_file, Close> opened;
    std::unique_ptr<Multiplier> chosen;
};

}  // namespace llama
