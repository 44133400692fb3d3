"""Attributes of configurations that change nothing that a model computes at inference, and why each is here."""

from __future__ import annotations

_BY_REASON = {
    "where the file comes from, what wrote it and which class to make": """
        _commit_hash _name_or_path architectures finetuning_task license model_type stage_names tags task
        tokenizer_class transformers_version _from_auto _auto_class processor_class image_processor_type
        transformers_weights""",
    "names and number of classes; the size of a head is read off its weight": "id2label label2id num_labels _num_labels",
    "how a training's loss is computed": """
        problem_type loss_type label_smoothing semantic_loss_ignore_index class_weights""",
    "which states a call returns; here all do": """
        _out_features _out_indices out_features out_indices output_attentions output_hidden_states
        return_dict use_return_dict _output_attentions return_class_token""",
    "how attention is computed, not what; dtype and file of the weights": """
        _attn_implementation _attn_implementation_autoset _attn_implementation_internal attn_implementation
        _flash_attn_2_enabled use_flash_attn dtype torch_dtype use_bfloat16 torchscript use_cache
        chunk_size_feed_forward xla_device torch_compile""",
    "memory during training": "gradient_checkpointing use_gradient_checkpointing",
    "dropout, which inference does without": """
        attention_dropout attention_probs_dropout_prob classifier_dropout classifier_dropout_prob drop_path
        drop_path_rate dropout hidden_dropout hidden_dropout_prob""",
    "initial values of weights": "initializer_factor initializer_range",
    "text: tokens and padding (AutoTrain writes padding and max_length into image classifiers)": """
        padding truncation max_length bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id mask_token_id
        decoder_start_token_id forced_bos_token_id forced_eos_token_id prefix tie_word_embeddings tie_encoder_decoder
        is_decoder is_encoder_decoder cross_attention_hidden_size add_cross_attention""",
    "text: generation, which old files repeat in every configuration": """
        bad_words_ids begin_suppress_tokens diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size
        exponential_decay_length_penalty length_penalty min_length no_repeat_ngram_size num_beam_groups num_beams
        num_return_sequences output_scores remove_invalid_values repetition_penalty return_dict_in_generate
        suppress_tokens temperature top_k top_p typical_p""",
    "other programs and tasks": "task_specific_params pruned_heads tf_legacy_loss",
    "written by the conversion of Swin's checkpoints and read by nothing": "path_norm",
}

# Attribute -> why nothing depends on it.
IGNORED_ATTRIBUTES = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
