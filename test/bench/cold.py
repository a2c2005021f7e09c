"""One decoded layer of a prompt's last position, as a script does it: `python cold.py CHECKPOINT PROMPT`."""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

checkpoint, prompt = sys.argv[1:]
model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
base = model.base_model
norm = base.ln_f if hasattr(base, "ln_f") else base.norm
with torch.inference_mode():
    states = model(tokenizer(prompt, return_tensors="pt").input_ids, output_hidden_states=True).hidden_states
    print((norm(states[1][0, -1]) @ model.get_output_embeddings().weight.T).topk(10).indices.tolist())
