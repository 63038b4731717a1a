// SPDX-License-Identifier: MIT
// quantize_job.hpp - a model on its way to a densq file: opened and planned, checked, quantized.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "plan_file.hpp"
#include "progress_bar.hpp"
#include "tools/densq/quantize/model_budget.hpp"

namespace densq::tool {

class QuantizeJob {
public:
    // Opens the inputs and makes the plan; finds what can be found without reading values.
    explicit QuantizeJob(const QuantizeOptions &options);

    // Reads all values once: they must be what a densq file can hold.
    void check_values();

    // Whether bits of some matrices are still to be chosen.
    bool has_budget() const { return !budgets.empty(); }

    // With a budget: tries all matrices in all ways, and chooses one for each.  After check_values.
    void spend_budget();

    // Restricts it to the layers [begin, end) of a stored plan, which must be the plan of this job.
    void take_part(const StoredPlan &stored, uint64_t begin, uint64_t end);

    // Quantizes what the writer does not have yet.  Returns what the user should know of it.
    std::vector<std::string> add_all(FileWriter *writer) const;

    const ModelPlan &plan() const { return planned; }
    const InputChecksums &checksums() const { return found; }
    uint64_t fingerprint() const { return fingerprint_of(planned, found); }
    std::vector<std::string> notices;

private:
    struct Moments {
        uint32_t cols;
        std::vector<uint8_t> say_anything;  // of each slice
    };

    void keep_texts(TensorChooser *chooser);
    void open_gradients();
    void open_moments();
    void refuse_overwriting_input() const;
    InputEntries inputs_of(const PlannedMatrix &matrix) const;
    template <typename Work>
    void with_inputs(const std::string &name, Work work) const;
    Workers workers_for(uint64_t cols, ProgressBar *progress) const;
    QuantizationResult quantize(const std::string &name, ProgressBar *progress) const;

    const QuantizeOptions &options;
    const Checkpoint model;
    std::optional<Checkpoint> gradients, moments;
    uint32_t threads;
    ModelPlan planned;
    std::map<SharedBudget, ModelBudget> budgets;
    std::map<std::string, bool> quantized_tensors;  // whether their gradients say anything
    std::map<std::string, Moments> moments_of;      // tensors that have some
    InputChecksums found;
};

}  // namespace densq::tool
