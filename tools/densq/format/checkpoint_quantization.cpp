// SPDX-License-Identifier: MIT
// checkpoint_quantization.cpp - weights that are quantized before densq sees them: FP8 with its
// scales is read, everything else is refused by its name.
#include <algorithm>

#include "checkpoint.hpp"
#include "input_file.hpp"
#include "model_json.hpp"
#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

constexpr const char *kGiveOriginal = "; give the model that it was made from";
constexpr const char *kDequantizeMxfp4 =
    "; make BF16 of it: transformers' from_pretrained(MODEL, "
    "quantization_config=Mxfp4Config(dequantize=True), dtype='bfloat16'), then save_pretrained";

// Packed weights as tensors, of a dtype that is no float, beside others of the same name.
struct Packing {
    const char *method, *packed, *beside;
};
constexpr Packing kPackings[] = {
    {"squeezellm", "qweight", "lookup_table"},
    {"gptq or awq", "qweight", "qzeros"},
    {"gptq or awq", "qweight", "scales"},
    {"compressed-tensors", "weight_packed", "weight_scale"},
    {"mxfp4", "_blocks", "_scales"},
    {"bitsandbytes, 4 bits", "weight", "weight.absmax"},
    {"bitsandbytes, 8 bits", "weight", "SCB"},
    {"bitsandbytes, 8 bits", "weight", "weight.SCB"},
    {"hqq", "W_q", "scale"},
    {"aqlm", "codes", "codebooks"},
    {"vptq", "indices", "centroids.weight"},
    {"quip#", "Qidxs", "SV"},
    {"exl2", "q_weight", "q_scale"},
    {"exl3", "trellis", "svh"},
    {"spqr", "dense_weights", "row_offsets"},
    {"quanto", "weight._data", "weight._scale"},
    {"eetq", "weight", "weight_scales"},
    {"mlx", "weight", "scales"},
    {"nvfp4", "weight", "weight_scale_2"},
    {"integers of 8 bits or fewer", "weight", "weight_scale"},
    {"mxfp4 or mxfp8", "weight", "scale"},
};

// What says how FP8 weights NAME are scaled: NAME_scale_inv or NAME_scale, which is a factor in
// both cases.
constexpr const char *kScaleSuffixes[] = {"_scale_inv", "_scale"};

// Scales that belong to weights, whether these are there or not; models have other scales.
constexpr const char *kWeightScales[] = {"weight_scale", "_scale_inv"};

// The scales of activations and of the cache: nothing that weights need.
constexpr const char *kActivationScales[] = {
    ".input_scale",      "_input_scale",  ".input_scale_ub",   ".activation_scale",
    "_activation_scale", ".output_scale", ".q_scale",          ".k_scale",
    ".v_scale",          ".kv_scale",     ".prob_output_scale"};

bool ends_with_any(const std::string &name, const auto &suffixes) {
    return std::any_of(std::begin(suffixes), std::end(suffixes),
                       [&](const char *suffix) { return name.ends_with(suffix); });
}

bool is_fp8(const SafeTensor &tensor) { return is_float(tensor) && dtype_bits(tensor.dtype) == 8; }

std::string advice_for(const std::string &method) {
    return method.starts_with("mxfp4") ? kDequantizeMxfp4 : kGiveOriginal;
}

}  // namespace

void Checkpoint::resolve_quantization() {
    refuse_adapter();
    const std::filesystem::path config_path = folder / "config.json";
    QuantizationConfig quantization;
    if (const std::optional<std::string> config = read_text(config_path))
        quantization = parse_quantization(config_path, *config);
    const std::string &method = quantization.method;
    const bool all_plain = std::all_of(tensors.begin(), tensors.end(), [](const auto &named) {
        return is_float(*named.second.tensor) && !is_fp8(*named.second.tensor);
    });
    // Configs still speak of it when weights were merged or made BF16 again.
    const bool is_stale = all_plain && (quantization.is_fp8 || method == "bitsandbytes");
    if (is_stale)
        notices.push_back(config_path.string() + ": speaks of " + printable(method) +
                          ", but the weights are not quantized: they are taken as they are");
    if (quantization.is_fp8) {
        refuse_packed_weights();
        attach_scales(quantization);
    } else if (!method.empty() && !is_stale) {
        throw DataError(config_path.string() + ": this checkpoint is already quantized by " +
                        printable(method) +
                        (quantization.format.empty() ? "" : ", " + printable(quantization.format)) +
                        advice_for(method) +
                        " (if it is not quantized, take quantization_config out)");
    } else {
        refuse_packed_weights();
        require_unscaled();
    }
}

// PEFT begins all names of an adapter alike; a model can have parts of adapters, beside others.
void Checkpoint::refuse_adapter() const {
    const auto has_part = [](const auto &named) {
        return named.first.find(".lora_") != std::string::npos;
    };
    const bool is_adapter =
        !tensors.empty() && (std::all_of(tensors.begin(), tensors.end(), has_part) ||
                             tensors.begin()->first.starts_with("base_model.model."));
    if (is_adapter)
        throw DataError(inputs[0].string() +
                        ": is an adapter (LoRA), not a model; merge it into its base model "
                        "(merge_and_unload and save_pretrained of PEFT), and give that");
}

void Checkpoint::refuse_packed_weights() const {
    for (const auto &[name, entry] : tensors) {
        if (is_float(*entry.tensor)) continue;
        for (const Packing &packing : kPackings) {
            if (!name.ends_with(packing.packed)) continue;
            const std::string prefix =
                name.substr(0, name.size() - std::string(packing.packed).size());
            if (tensors.contains(prefix + packing.beside))
                throw DataError(entry.describe(printable(name)) + " beside '" +
                                printable(prefix + packing.beside) +
                                "': this checkpoint is already quantized by " + packing.method +
                                advice_for(packing.method));
        }
    }
}

// Of a checkpoint whose config says nothing about quantization.
void Checkpoint::require_unscaled() const {
    for (const auto &[name, entry] : tensors) {
        if (!is_fp8(*entry.tensor)) continue;
        const size_t dot = name.rfind('.');
        const std::string module = dot == std::string::npos ? name : name.substr(0, dot + 1);
        for (auto other = tensors.lower_bound(module);
             other != tensors.end() && other->first.starts_with(module); ++other) {
            const std::string part = other->first.substr(module.size());
            const bool is_beside =
                part.find('.') == std::string::npos || other->first.starts_with(name);
            if (is_beside && part.find("scale") != std::string::npos)
                throw DataError(entry.describe(printable(name)) + " is FP8 beside '" +
                                printable(other->first) +
                                "', but no config.json with a quantization_config says how it is "
                                "scaled; give the whole folder of the model, or one in BF16");
        }
    }
}

void Checkpoint::attach_scales(const QuantizationConfig &quantization) {
    std::vector<std::string> used, of_activations;
    for (auto &[name, entry] : tensors)
        if (is_fp8(*entry.tensor)) used.push_back(attach_scale(name, &entry, quantization));
    for (const std::string &name : used) tensors.erase(name);
    for (const auto &[name, entry] : tensors) {
        if (ends_with_any(name, kActivationScales))
            of_activations.push_back(name);
        else if (ends_with_any(name, kWeightScales))
            throw DataError(entry.describe(printable(name)) +
                            " is a scale, but there are no FP8 weights of this name; download the "
                            "model again");
    }
    for (const std::string &name : of_activations) tensors.erase(name);
    if (!used.empty())
        notices.push_back(folder.string() +
                          ": FP8 weights are multiplied by their scales: " + list_names(used));
    if (!of_activations.empty())
        notices.push_back(folder.string() +
                          ": scales of activations are left out: " + list_names(of_activations));
}

// Returns the name of the scale.
std::string Checkpoint::attach_scale(const std::string &name, Entry *weights,
                                     const QuantizationConfig &quantization) {
    for (const char *suffix : kScaleSuffixes) {
        const auto found = tensors.find(name + suffix);
        if (found == tensors.end()) continue;
        const SafeTensor &scale = *found->second.tensor;
        const std::string of = found->second.describe(printable(found->first));
        if (!is_float(scale) && scale.dtype != "F8_E8M0")
            throw DataError(of + " is a scale of dtype " + scale.dtype +
                            ", which is not understood; give the model in BF16");
        // FBGEMM keeps experts as [expert][in][out] and their scales in more than one order.
        const bool is_ambiguous =
            quantization.method == "fbgemm_fp8" && weights->tensor->shape.size() > 2;
        const auto matched = WeightScale::match(*weights->tensor, scale, quantization.block_shape);
        if (is_ambiguous || !matched)
            throw DataError(of + ": its shape " + scale.shape_text() +
                            " does not say how weights of shape " + weights->tensor->shape_text() +
                            " are scaled; give the model in BF16");
        weights->scale = &scales.emplace(name, *matched).first->second;
        return found->first;
    }
    throw DataError(weights->describe(printable(name)) + " is FP8, but there is no scale '" +
                    printable(name) + "_scale_inv' or '" + printable(name) +
                    "_scale' beside it; give the model in BF16");
}

}  // namespace densq::tool
