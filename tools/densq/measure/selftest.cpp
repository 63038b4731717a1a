// SPDX-License-Identifier: MIT
#include "selftest.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "densq/half.h"
#include "tools/densq/format/file_contents.hpp"

namespace densq::tool {
namespace {

constexpr uint32_t kBatches[] = {17, 1, 2, 3, 8, 9, 16};  // the largest first
constexpr uint32_t kLargestBatch = kBatches[0];

struct TestedShape {
    uint32_t rows, cols;
    bool quick;
};

constexpr TestedShape kShapes[] = {
    {1, 1, true},       {15, 33, true},      {16, 512, true},      {17, 1100, true},
    {100, 257, true},   {3, 66000, false},  // 32-bit columns
    {576, 1536, false}, {4096, 4096, false}, {11008, 4096, false}, {4096, 11008, false},
};
constexpr double kSmallShape = 250000;  // weights

struct SparseKind {
    const char *name;
    NonzeroPlacement nonzeros;
    double share;
    bool small_shapes_only, all_types;
};

constexpr SparseKind kSparseKinds[] = {
    {"none", NonzeroPlacement::kEven, 0, false, false},
    {"even", NonzeroPlacement::kEven, 0.0045, false, true},
    {"many", NonzeroPlacement::kEven, 0.3, true, false},
    {"full rows", NonzeroPlacement::kFullRows, 0.1, true, false},
    {"full columns", NonzeroPlacement::kFullColumns, 0.02, true, false},
};

void put(uint8_t *at, densq_dtype dtype, float value) {
    if (dtype == DENSQ_F32) {
        std::memcpy(at, &value, sizeof value);
        return;
    }
    const uint16_t half = dtype == DENSQ_F16 ? densq_f32_to_f16(value) : densq_f32_to_bf16(value);
    std::memcpy(at, &half, sizeof half);
}

float get(const uint8_t *at, densq_dtype dtype) {
    if (dtype == DENSQ_F32) {
        float value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }
    uint16_t half;
    std::memcpy(&half, at, sizeof half);
    return dtype == DENSQ_F16 ? densq_f16_to_f32(half) : densq_bf16_to_f32(half);
}

// The values are bell-shaped, and exact in the type.  Every fourth vector has outliers, as in
// language models.  The others have none, as outliers raise the bounds above the error of a wrong
// code.
std::vector<float> make_activations(uint32_t cols, densq_dtype dtype) {
    std::mt19937 random(cols);
    std::normal_distribution<float> bell;
    std::vector<float> x(size_t{kLargestBatch} * cols);
    for (size_t i = 0; i < x.size(); ++i) {
        const bool outlier = i / cols % 4 == 3 && i % 97 == 5;
        uint8_t rounded[4];
        put(rounded, dtype, bell(random) * (outlier ? 100.0f : 1.0f));
        x[i] = get(rounded, dtype);
    }
    return x;
}

// A matrix bound to a backend, and vectors to multiply it by.
class Trial {
public:
    Trial(Device &on, const Backend &backend, const File &file, const Reference &matrix)
        : device(on), rows(matrix.rows), cols(matrix.cols) {
        densq_weights *bound = nullptr;
        densq_fault fault{};
        require(densq_bind(&bound, backend.get(), file.get(), 0, &fault), fault);
        weights.reset(bound);
    }

    // Multiplies the first `batch` vectors of x.  Returns y as [batch][rows].
    std::vector<float> multiply(const std::vector<float> &x, uint32_t batch, densq_dtype x_dtype,
                                densq_dtype y_dtype) {
        const size_t x_stride = cols + batch % 3, y_stride = rows + batch % 2;
        std::vector<uint8_t> host_x(batch * x_stride * dtype_bytes(x_dtype), 0xFF);
        std::vector<uint8_t> host_y(batch * y_stride * dtype_bytes(y_dtype), 0xFF);
        for (size_t b = 0; b < batch; ++b)
            for (size_t c = 0; c < cols; ++c)
                put(&host_x[(b * x_stride + c) * dtype_bytes(x_dtype)], x_dtype, x[b * cols + c]);
        const size_t workspace_bytes = densq_workspace_size(weights.get(), batch);
        const DeviceMemory device_x(device, host_x.size()), device_y(device, host_y.size());
        const DeviceMemory workspace(device, workspace_bytes);
        device.upload(device_x.data(), host_x.data(), host_x.size());
        device.upload(device_y.data(), host_y.data(), host_y.size());
        device.multiply(weights.get(), batch, {device_x.data(), x_dtype, x_stride},
                        {device_y.data(), y_dtype, y_stride}, workspace.data(), workspace_bytes);
        device.finish();
        device.download(host_y.data(), device_y.data(), host_y.size());
        std::vector<float> y;
        for (size_t b = 0; b < batch; ++b)
            for (size_t r = 0; r < rows; ++r)
                y.push_back(get(&host_y[(b * y_stride + r) * dtype_bytes(y_dtype)], y_dtype));
        return y;
    }

private:
    Device &device;
    Weights weights;
    size_t rows, cols;
};

bool is_prefix(const std::vector<float> &part, const std::vector<float> &whole) {
    return std::memcmp(part.data(), whole.data(), part.size() * sizeof(float)) == 0;
}

// A matrix with all that is needed to test it.
class TestedMatrix {
public:
    TestedMatrix(const MatrixImage &matrix_image, const SparseKind &kind)
        : image(matrix_image), nonzeros(kind.name), all_types(kind.all_types), reference(image),
          file(open_bytes(image.bytes.data(), image.bytes.size(),
                          DENSQ_OPEN_SKIP_CHECKSUM | DENSQ_OPEN_COPY)) {}

    void run(const SelftestBackend &tested, std::vector<SelftestResult> *results) {
        for (const densq_dtype x_dtype : tested.device->dtypes()) {
            const Input &input = input_of(x_dtype);
            for (const densq_precision precision : tested.device->precisions()) {
                const Backend backend =
                    create_backend(tested.device->provider(), tested.name, precision, nullptr);
                Trial trial(*tested.device, backend, file, reference);
                for (const densq_dtype y_dtype : tested.device->dtypes()) {
                    const bool plain = x_dtype == DENSQ_F32 && y_dtype == DENSQ_F32;
                    if (plain || all_types)
                        run_batches(tested, precision, y_dtype, input, trial, results);
                }
            }
        }
    }

private:
    struct Input {
        densq_dtype dtype;
        std::vector<float> x;
        std::vector<Expected> expected;
    };

    // These are made once for all backends.
    const Input &input_of(densq_dtype dtype) {
        for (const Input &input : inputs)
            if (input.dtype == dtype) return input;
        Input input{dtype, make_activations(image.cols, dtype), {}};
        input.expected = reference.multiply(input.x);
        inputs.push_back(std::move(input));
        return inputs.back();
    }

    void run_batches(const SelftestBackend &tested, densq_precision precision, densq_dtype y_dtype,
                     const Input &input, Trial &trial, std::vector<SelftestResult> *results) {
        std::vector<float> largest;
        const bool plain = input.dtype == DENSQ_F32 && y_dtype == DENSQ_F32;
        for (const uint32_t batch : kBatches) {
            if (!plain && batch > 1 && batch < kLargestBatch) continue;
            const std::vector<float> y = trial.multiply(input.x, batch, input.dtype, y_dtype);
            if (largest.empty()) largest = y;
            const Arithmetic arithmetic =
                tested.device->provider() ? Arithmetic::kCuda : Arithmetic::kCpu;
            Comparison comparison;
            for (size_t i = 0; i < y.size(); ++i)
                comparison.add(
                    static_cast<uint32_t>(i / image.rows), static_cast<uint32_t>(i % image.rows),
                    static_cast<double>(y[i]), input.expected[i].y,
                    allowed_error(input.expected[i], image.cols, arithmetic, precision, y_dtype));
            results->push_back({tested.name, precision, image.rows, image.cols, image.bits,
                                image.nnz, batch, nonzeros, input.dtype, y_dtype, comparison,
                                is_prefix(y, largest)});
        }
    }

    const MatrixImage &image;
    const char *nonzeros;
    bool all_types;
    Reference reference;
    File file;
    std::vector<Input> inputs;
};

}  // namespace

void run_selftest(const SelftestPlan &plan,
                  const std::function<void(const std::vector<SelftestResult> &)> &report) {
    const std::vector<SelftestBackend> &backends = plan.backends;
    for (const TestedShape &shape : kShapes) {
        if (plan.quick && !shape.quick) continue;
        std::vector<std::vector<SelftestResult>> results(backends.size());
        for (const uint32_t bits : plan.bits)
            for (const SparseKind &kind : kSparseKinds) {
                const double weights = static_cast<double>(shape.rows) * shape.cols;
                if (kind.small_shapes_only && weights > kSmallShape) continue;
                const MatrixImage image = make_matrix_image(
                    shape.rows, shape.cols, bits,
                    static_cast<uint32_t>(std::ceil(weights * kind.share)), kind.nonzeros);
                TestedMatrix matrix(image, kind);
                for (size_t i = 0; i < backends.size(); ++i) matrix.run(backends[i], &results[i]);
            }
        for (const auto &of_backend : results) report(of_backend);
    }
}

}  // namespace densq::tool
