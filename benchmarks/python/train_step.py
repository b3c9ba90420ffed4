"""The other side of benchmarks/train-step.mjs: HunyuanDiT 1.2 in PyTorch eager, one training step timed.

Reads a JSON configuration from the first argument; answers each line "run N" on stdin with one JSON line of N step
times in milliseconds, so that both sides can take turns on a quiet machine.
"""

import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def rotate(x, cos, sin):
    """Neighbours rotate: x [B, N, L, K], tables [L, K], in float32."""
    wide = x.float()
    even, odd = wide[..., 0::2], wide[..., 1::2]
    turned = torch.stack((-odd, even), dim=-1).flatten(3)
    return (wide * cos + turned * sin).to(x.dtype)


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.wqkv = nn.Linear(width, 3 * width)
        self.q_norm = nn.LayerNorm(width // heads, eps=1e-6)
        self.k_norm = nn.LayerNorm(width // heads, eps=1e-6)
        self.out = nn.Linear(width, width)

    def forward(self, x, cos, sin):
        b, l, d = x.shape
        q, k, v = self.wqkv(x).view(b, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v)
        return self.out(y.transpose(1, 2).reshape(b, l, d))


class CrossAttention(nn.Module):
    def __init__(self, width, text_width, heads):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(text_width, 2 * width)
        self.q_norm = nn.LayerNorm(width // heads, eps=1e-6)
        self.k_norm = nn.LayerNorm(width // heads, eps=1e-6)
        self.out = nn.Linear(width, width)

    def forward(self, x, text, cos, sin):
        b, l, d = x.shape
        k_size = d // self.heads
        q = self.q(x).view(b, l, self.heads, k_size).transpose(1, 2)
        k, v = self.kv(text).view(b, -1, 2, self.heads, k_size).permute(2, 0, 3, 1, 4)
        q, k = self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype)
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), k, v)
        return self.out(y.transpose(1, 2).reshape(b, l, d))


class Block(nn.Module):
    def __init__(self, width, text_width, heads, inner, skip):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.attn1 = SelfAttention(width, heads)
        self.attn2 = CrossAttention(width, text_width, heads)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.modulation = nn.Linear(width, width)
        self.skip_norm = nn.LayerNorm(2 * width, eps=1e-6) if skip else None
        self.skip_linear = nn.Linear(2 * width, width) if skip else None

    def forward(self, x, c, text, cos, sin, skip=None):
        if self.skip_linear is not None:
            x = self.skip_linear(self.skip_norm(torch.cat((x, skip), dim=-1)))
        shift = self.modulation(F.silu(c)).unsqueeze(1)
        x = x + self.attn1(self.norm1(x) + shift, cos, sin)
        x = x + self.attn2(self.norm3(x), text, cos, sin)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate="tanh"))


def sinusoid(t, size=256):
    half = size // 2
    angles = t[:, None].float() * torch.exp(-torch.log(torch.tensor(10000.0)) * torch.arange(half) / half)
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


class Pool(nn.Module):
    def __init__(self, tokens, width, out, heads=8):
        super().__init__()
        self.heads = heads
        self.positions = nn.Parameter(torch.randn(tokens + 1, width) / width**0.5)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.c = nn.Linear(width, out)

    def forward(self, states):
        b, s, d = states.shape
        x = torch.cat((states.mean(1, keepdim=True), states), dim=1) + self.positions
        split = lambda y: y.view(b, -1, self.heads, d // self.heads).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q(x[:, :1])), split(self.k(x)), split(self.v(x)))
        return self.c(y.transpose(1, 2).reshape(b, d))


class HunyuanDiT(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, depth, heads, text = c["hidden"], c["depth"], c["heads"], c["textWidth"]
        inner = int(width * c["mlpRatio"])
        self.depth = depth
        self.mlp_t5 = nn.Sequential(nn.Linear(c["t5Width"], 4 * c["t5Width"]), nn.SiLU(), nn.Linear(4 * c["t5Width"], text))
        self.padding = nn.Parameter(torch.randn(c["textLen"] + c["t5Len"], text))
        self.t1, self.t2 = nn.Linear(256, width), nn.Linear(width, width)
        self.patch = nn.Conv2d(c["channels"], width, 2, 2)
        self.pool = Pool(c["t5Len"], c["t5Width"], c["pooledWidth"])
        self.e1, self.e2 = nn.Linear(c["pooledWidth"], 4 * width), nn.Linear(4 * width, width)
        self.blocks = nn.ModuleList(Block(width, text, heads, inner, i > depth // 2) for i in range(depth))
        self.final_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.final_modulation, self.final = nn.Linear(width, 2 * width), nn.Linear(width, 4 * c["channels"])

    def forward(self, x, t, text, text_mask, t5, t5_mask, cos, sin):
        b, _, h, w = x.shape
        states = torch.cat((text, self.mlp_t5(t5)), dim=1)
        mask = torch.cat((text_mask, t5_mask), dim=1).unsqueeze(2).bool()
        states = torch.where(mask, states, self.padding.to(states.dtype))
        c = self.t2(F.silu(self.t1(sinusoid(t)))) + self.e2(F.silu(self.e1(self.pool(t5))))
        x = self.patch(x).flatten(2).transpose(1, 2)
        skips = []
        for i, block in enumerate(self.blocks):
            x = block(x, c, states, cos, sin, skips.pop() if i > self.depth // 2 else None)
            if i < self.depth // 2 - 1:
                skips.append(x)
        shift, scale = self.final_modulation(F.silu(c)).chunk(2, dim=1)
        x = self.final(self.final_norm(x) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1))
        x = x.view(b, h // 2, w // 2, 2, 2, -1)
        return torch.einsum("nhwpqc->nchpwq", x).reshape(b, -1, h, w)


def main():
    c = json.loads(sys.argv[1])
    torch.manual_seed(0)
    torch.set_num_threads(c["threads"])
    model = HunyuanDiT(c).train()
    net = model
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # Plain data parallelism as PyTorch has it, with its default buckets.
        torch.distributed.init_process_group("gloo")
        net = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0, fused=True)
    b, size = c["batch"], c["latent"]
    x0, noise = torch.randn(b, c["channels"], size, size), torch.randn(b, c["channels"], size, size)
    text, t5 = torch.randn(b, c["textLen"], c["textWidth"]), torch.randn(b, c["t5Len"], c["t5Width"])
    text_mask, t5_mask = torch.ones(b, c["textLen"]), torch.ones(b, c["t5Len"])
    tokens, k_size = (size // 2) ** 2, c["hidden"] // c["heads"]
    angles = torch.rand(tokens, k_size // 2).repeat_interleave(2, dim=1)
    cos, sin = angles.cos(), angles.sin()
    alpha = torch.linspace(0.999, 0.01, 1000)

    def step(n):
        t = torch.randint(0, 1000, (b,))
        a = alpha[t].view(b, 1, 1, 1)
        xt = a.sqrt() * x0 + (1 - a).sqrt() * noise
        target = a.sqrt() * noise - (1 - a).sqrt() * x0
        with torch.autocast("cpu", torch.bfloat16, enabled=c["dtype"] == "bf16"):
            out = net(xt, t, text, text_mask, t5, t5_mask, cos, sin)
        prediction = out.float()
        loss = (target - prediction).square().mean(dim=(1, 2, 3)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        times = []
        for n in range(int(line.split()[1])):
            start = time.perf_counter()
            step(n)
            times.append((time.perf_counter() - start) * 1000)
        print(json.dumps(times), flush=True)


main()
