"""The frozen encoders and the VAE in PyTorch eager, over the same files as benchmarks/encoders.mjs.

Reads lines `run N` and answers with N times in milliseconds; the first line it prints holds the output's sums.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F


def read_file(path):
    with open(path, "rb") as file:
        raw = bytearray(file.read())
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        count = (end - begin) // 4
        flat = torch.frombuffer(raw, dtype=torch.float32, count=count, offset=8 + length + begin)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def heads(x, count):
    batch, length, width = x.shape
    return x.view(batch, length, count, width // count).transpose(1, 2)


def joined(x):
    batch, count, length, size = x.shape
    return x.transpose(1, 2).reshape(batch, length, count * size)


def bert(w, config, ids, mask):
    width, eps = config["hidden_size"], config["layer_norm_eps"]

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], eps)

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    x = F.embedding(ids, w["embeddings.word_embeddings.weight"])
    x = x + w["embeddings.token_type_embeddings.weight"][:1]
    x = norm(x + w["embeddings.position_embeddings.weight"][: ids.shape[1]], "embeddings.LayerNorm")
    bias = torch.zeros(mask.shape).masked_fill(mask == 0, -math.inf)[:, None, None]
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        q, k, v = (heads(linear(x, f"{at}attention.self.{n}"), config["num_attention_heads"]) for n in ("query", "key", "value"))
        attended = linear(joined(F.scaled_dot_product_attention(q, k, v, bias)), at + "attention.output.dense")
        x = norm(attended + x, at + "attention.output.LayerNorm")
        fed = linear(F.gelu(linear(x, at + "intermediate.dense")), at + "output.dense")
        x = norm(fed + x, at + "output.LayerNorm")
    return x


def mt5(w, config, ids, mask):
    count, eps = config["num_heads"], config["layer_norm_epsilon"]

    def norm(x, name):
        return w[name] * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps))

    x = F.embedding(ids, w["shared.weight"])
    length = ids.shape[1]
    position = torch.arange(length)
    far = position[None] - position[:, None]
    near = far.abs()
    large = 8 + (torch.log(near.float() / 8) / math.log(128 / 8) * 8).to(torch.long)
    bucket = (far > 0) * 16 + torch.where(near < 8, near, large.clamp(max=15))
    first = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    bias = F.embedding(bucket, w[first]).permute(2, 0, 1)[None]
    bias = bias + torch.zeros(mask.shape).masked_fill(mask == 0, -math.inf)[:, None, None]
    for i in range(config["num_layers"]):
        at = f"encoder.block.{i}."
        given = norm(x, at + "layer.0.layer_norm.weight")
        q, k, v = (heads(F.linear(given, w[f"{at}layer.0.SelfAttention.{n}.weight"]), count) for n in "qkv")
        attended = F.scaled_dot_product_attention(q, k, v, bias, scale=1.0)
        x = x + F.linear(joined(attended), w[at + "layer.0.SelfAttention.o.weight"])
        given = norm(x, at + "layer.1.layer_norm.weight")
        dense = at + "layer.1.DenseReluDense."
        gate = F.gelu(F.linear(given, w[dense + "wi_0.weight"]), approximate="tanh")
        x = x + F.linear(gate * F.linear(given, w[dense + "wi_1.weight"]), w[dense + "wo.weight"])
    return norm(x, "encoder.final_layer_norm.weight")


def vae_parts(w, config):
    groups = config["norm_num_groups"]
    layers = config["layers_per_block"]
    levels = len(config["block_out_channels"])

    def conv(x, name, **more):
        return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], **more)

    def norm(x, name):
        return F.group_norm(x, groups, w[name + ".weight"], w[name + ".bias"], 1e-6)

    def res(x, at):
        y = conv(F.silu(norm(x, at + "norm1")), at + "conv1", padding=1)
        y = conv(F.silu(norm(y, at + "norm2")), at + "conv2", padding=1)
        return (conv(x, at + "conv_shortcut") if at + "conv_shortcut.weight" in w else x) + y

    def middle(x, at):
        x = res(x, at + "resnets.0.")
        batch, width, height, length = x.shape
        name = at + "attentions.0."
        cells = norm(x, name + "group_norm").view(batch, width, -1).transpose(1, 2)
        q, k, v = (F.linear(cells, w[f"{name}to_{n}.weight"], w[f"{name}to_{n}.bias"])[:, None] for n in "qkv")
        out = F.scaled_dot_product_attention(q, k, v)[:, 0]
        out = F.linear(out, w[name + "to_out.0.weight"], w[name + "to_out.0.bias"])
        return res(x + out.transpose(1, 2).reshape(x.shape), at + "resnets.1.")

    def encode(x):
        x = conv(x, "encoder.conv_in", padding=1)
        for i in range(levels):
            for j in range(layers):
                x = res(x, f"encoder.down_blocks.{i}.resnets.{j}.")
            if i < levels - 1:
                x = conv(F.pad(x, (0, 1, 0, 1)), f"encoder.down_blocks.{i}.downsamplers.0.conv", stride=2)
        x = F.silu(norm(middle(x, "encoder.mid_block."), "encoder.conv_norm_out"))
        moments = conv(conv(x, "encoder.conv_out", padding=1), "quant_conv")
        return moments

    def decode(x):
        x = conv(conv(x, "post_quant_conv"), "decoder.conv_in", padding=1)
        x = middle(x, "decoder.mid_block.")
        for i in range(levels):
            for j in range(layers + 1):
                x = res(x, f"decoder.up_blocks.{i}.resnets.{j}.")
            if i < levels - 1:
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
                x = conv(x, f"decoder.up_blocks.{i}.upsamplers.0.conv", padding=1)
        return conv(F.silu(norm(x, "decoder.conv_norm_out")), "decoder.conv_out", padding=1)

    return encode, decode


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    weights = read_file(job["weights"])
    inputs = read_file(job["inputs"])
    config = job["config"]
    if job["kind"] in ("bert", "mt5"):
        ids, mask = inputs["ids"].long(), inputs["mask"].long()
        network = bert if job["kind"] == "bert" else mt5

        def run():
            return network(weights, config, ids, mask)

    else:
        encode, decode = vae_parts(weights, config)
        factor = config["scaling_factor"]

        def run():
            if job["kind"] == "vae-decode":
                return decode(inputs["latents"] / factor)
            mean, variance = encode(inputs["images"]).chunk(2, 1)
            std = variance.clamp(-30, 20).mul(0.5).exp()
            return (mean + std * inputs["noise"]) * factor

    with torch.inference_mode():
        out = run()
        print(json.dumps({"shape": list(out.shape), "sum": out.double().abs().sum().item()}), flush=True)
        for line in sys.stdin:
            times = []
            for _ in range(int(line.split()[1])):
                start = time.perf_counter()
                run()
                times.append((time.perf_counter() - start) * 1000)
            print(json.dumps(times), flush=True)


main()
