# SPDX-License-Identifier: MIT
"""Tiny random models of transformers: every family of causal language models that tests know."""
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

TEXT = "".join(f"{i} bottles stand on the wall, {i * i % 97} of them are green.\n"
               for i in range(400))
SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 280,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
         "tie_word_embeddings": False, "pad_token_id": 0}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
STATES = {"state_size": 8, "head_dim": 16, "num_heads": 4, "n_groups": 1, "use_mambapy": False}
FAMILIES = {  # the name of the configuration's class, and what differs from SIZES
    "llama": ("Llama", {}),
    "llama, tied": ("Llama", {"tie_word_embeddings": True}),
    "llama, biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "mistral": ("Mistral", {}),
    "qwen2": ("Qwen2", {}),
    "qwen3": ("Qwen3", {"head_dim": 8}),
    "gemma": ("Gemma", {"head_dim": 8}),
    "gemma2": ("Gemma2", {"head_dim": 8}),
    "gemma3": ("Gemma3Text", {"head_dim": 8}),
    "phi": ("Phi", {}),
    "phi3": ("Phi3", {}),
    "gpt_neox": ("GPTNeoX", {}),
    "falcon": ("Falcon", {}),
    "opt": ("OPT", {"ffn_dim": 48, "word_embed_proj_dim": 16}),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "gpt_bigcode": ("GPTBigCode", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "gptj": ("GPTJ", {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4}),
    "gpt_neo": ("GPTNeo", {"num_layers": 2, "attention_types": [[["global"], 2]], "num_heads": 4}),
    "bloom": ("Bloom", {"n_layer": 2, "n_head": 4}),
    "mpt": ("Mpt", {"d_model": 32, "n_layers": 2, "n_heads": 4, "expansion_ratio": 2}),
    "stablelm": ("StableLm", {}),
    "starcoder2": ("Starcoder2", {}),
    "olmo2": ("Olmo2", {}),
    "cohere": ("Cohere", {}),
    "granite": ("Granite", {}),
    "glm4": ("Glm4", {"head_dim": 8}),
    "exaone4": ("Exaone4", {}),
    "smollm3": ("SmolLM3", {}),
    "nemotron": ("Nemotron", {}),
    "mixtral": ("Mixtral", {"num_local_experts": 4}),
    "qwen2_moe": ("Qwen2Moe", {**EXPERTS, "shared_expert_intermediate_size": 24}),
    "qwen3_moe": ("Qwen3Moe", {**EXPERTS, "head_dim": 8}),
    "olmoe": ("Olmoe", EXPERTS),
    "gpt_oss": ("GptOss", {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8}),
    "llama4": ("Llama4Text", {"num_local_experts": 4, "head_dim": 8, "intermediate_size_mlp": 48}),
    "deepseek_v3": ("DeepseekV3", {
        **EXPERTS, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "q_lora_rank": 16,
        "kv_lora_rank": 16, "qk_rope_head_dim": 4, "v_head_dim": 8, "qk_nope_head_dim": 8,
        "first_k_dense_replace": 1, "num_key_value_heads": 4}),
    "jamba": ("Jamba", {"num_experts": 2, "attn_layer_period": 2, "attn_layer_offset": 1,
                        "mamba_d_state": 8}),
    "mamba": ("Mamba", STATES),
    "mamba2": ("Mamba2", STATES),
    "falcon_mamba": ("FalconMamba", STATES),
    "rwkv": ("Rwkv", {"attention_hidden_size": 32}),
    "recurrent_gemma": ("RecurrentGemma", {}),
    "lfm2": ("Lfm2", {}),
}


def write_tokenizer(folder):
    """A token for each byte, in the order of their characters."""
    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(characters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return tokenizer


def write_model(folder, family="llama, tied"):
    """Saves a model in BF16, with its tokenizer, which is returned."""
    name, differences = FAMILIES[family]
    torch.manual_seed(1)
    config = getattr(transformers, name + "Config")(**{**SIZES, **differences})
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    return write_tokenizer(folder)
