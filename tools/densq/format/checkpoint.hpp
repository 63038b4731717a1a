// SPDX-License-Identifier: MIT
// checkpoint.hpp - a Hugging Face model: one .safetensors file, or a folder with one or with shards
// and their index.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "safetensors.hpp"
#include "weight_scale.hpp"

namespace densq::tool {

struct QuantizationConfig;

class Checkpoint {
public:
    enum class Content { weights, statistics };  // of weights: gradients, moments

    // `path`: a .safetensors file or a folder.  `single_names`: what an unsharded file in a folder
    // may be called, in order of preference.  DataError if it is no checkpoint, if index and shards
    // disagree, and if weights are already quantized in another way than to FP8.
    Checkpoint(const std::filesystem::path &path, const std::vector<std::string> &single_names,
               Content content = Content::weights);

    struct Entry {
        const SafeTensors *file;
        const SafeTensor *tensor;
        const WeightScale *scale = nullptr;  // of FP8 weights that have one

        std::string describe(const std::string &name) const;  // "FILE: tensor 'NAME'"
        // Elements [begin, end) of a tensor of floats.
        void read(uint64_t begin, uint64_t end, float *out) const;
        void read_row(uint32_t row, float *out) const;  // of a matrix of floats
        // When it has been read, and before anything that was made of it is kept.
        void end_reading() const;
    };
    std::map<std::string, Entry> tensors;  // by name, without the scales of FP8

    std::filesystem::path folder;               // where config.json and the like are
    std::vector<std::filesystem::path> inputs;  // the files read: tensors, then the index
    std::vector<std::string> notices;           // what the user should know, though it is no error

private:
    using FileOfTensor = std::map<std::string, std::string>;

    void open_folder(const std::vector<std::string> &single_names);
    void add_file(const std::filesystem::path &path);
    void add_shards(const std::filesystem::path &index);
    void open_shards(const std::filesystem::path &index, const FileOfTensor &index_files);
    void check_index(const std::filesystem::path &index, const FileOfTensor &index_files) const;
    void notice_other_shards(const std::string &single_name, const FileOfTensor &index_files);

    // checkpoint_quantization.cpp
    void resolve_quantization();
    void refuse_adapter() const;
    void refuse_packed_weights() const;
    void require_unscaled() const;
    void attach_scales(const QuantizationConfig &quantization);
    std::string attach_scale(const std::string &name, Entry *weights,
                             const QuantizationConfig &quantization);

    std::vector<std::unique_ptr<SafeTensors>> files;
    std::map<std::string, WeightScale> scales;  // by the name of the weights
};

}  // namespace densq::tool
