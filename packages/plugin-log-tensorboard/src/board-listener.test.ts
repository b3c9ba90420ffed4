import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MetricsLine } from "@hyfw/core";
import protobuf from "protobufjs";
import t from "tap";
import { boardListener, scalarsOf } from "./board-listener.js";
import { maskedCrc } from "./event-record.js";

/** The parts of TensorFlow's event.proto and summary.proto that are written. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
  message Summary {
    message Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
    message Value { string tag = 1; float simple_value = 2; Image image = 4; }
    repeated Value value = 1;
  }
`);
const Event = root.lookupType("Event");

/** Reads an event file, checksums too. */
function readEvents(path: string): ReturnType<typeof Event.toObject>[] {
  const bytes = readFileSync(path);
  const events = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    t.equal(bytes.readUInt32LE(at + 8), maskedCrc(bytes.subarray(at, at + 8)), "checksum of a length");
    const data = bytes.subarray(at + 12, at + 12 + length);
    t.equal(bytes.readUInt32LE(at + 12 + length), maskedCrc(data), "checksum of data");
    events.push(Event.toObject(Event.decode(data), { longs: Number, bytes: Buffer }));
    at += 16 + length;
  }
  return events;
}

const line: MetricsLine = {
  step: 10,
  epoch: 0,
  phase: "main",
  loss: 0.5,
  parts: { mse: 0.25 },
  lossByTimestep: { "0-249": 0.75 },
  lossByBucket: { "32x32": 0.125 },
  lossByCaption: { text_zh: 0.125 },
  validation: { loss: 0.25, parts: { mse: 0.25 }, lossByTimestep: { "0-249": 0.5 }, samples: 4, ms: 9 },
  lr: 0.001,
  gradNorm: 2,
  samples: 80,
  samplesPerSecond: 4,
  wallMs: 100,
  ms: { data: 1, forward: 2, backward: 3, update: 4, other: 5 },
  betweenStepsMs: 0,
  flopsPerSecond: 1e9,
  memory: { weights: 1, states: 2, average: 3, peak: 4 },
  liveTensors: 7,
  rssBytes: 8,
  opCalls: 9,
};

t.test("the checksum is the one of the format's published examples", async (t) => {
  // CRC-32C of 32 zero bytes is 0x8a9136aa (RFC 3720, B.4).
  const crc = 0x8a9136aa;
  t.equal(maskedCrc(Buffer.alloc(32)), ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) % 2 ** 32);
});

t.test("logged steps and pictures are events that TensorFlow's messages read back", async (t) => {
  const runDir = t.testdir();
  // The first bytes of a PNG: signature, then a header with width 3 and height 2.
  const png = Buffer.alloc(33);
  png.writeUInt32BE(3, 16);
  png.writeUInt32BE(2, 20);
  const picture = join(runDir, "00-cat.png");
  writeFileSync(picture, png);
  const listener = boardListener({ folder: "tensorboard", pictures: true });
  await listener.onStart?.({ runDir, step: 5, maxSteps: 20 });
  await listener.onLog?.(line);
  await listener.onSample?.({ step: 10, files: [picture] });
  listener.close();
  const [name = ""] = readdirSync(join(runDir, "tensorboard"));
  t.match(name, /^events\.out\.tfevents\.\d+\./);
  const [first, logged, drawn, ...more] = readEvents(join(runDir, "tensorboard", name));
  t.equal(more.length, 0);
  t.equal(first?.file_version ?? first?.fileVersion, "brain.Event:2");
  t.equal(logged?.step, 10);
  const values = Object.fromEntries(
    logged?.summary.value.map((one: { tag: string; simpleValue: number }) => [one.tag, one.simpleValue]) ??
      [],
  );
  t.match(values, {
    "train/loss": 0.5,
    "parts/mse": 0.25,
    "loss by timestep/0-249": 0.75,
    "ms/update": 4,
    "memory/peak": 4,
  });
  t.equal(Object.keys(values).length, Object.keys(scalarsOf(line)).length);
  const [image] = drawn?.summary.value ?? [];
  t.match(image, { tag: "samples/00-cat", image: { height: 2, width: 3, colorspace: 3 } });
  t.same(image.image.encodedImageString, png);
});

t.test("pictures stay out when they are not wanted, and nothing is written before a start", async (t) => {
  const runDir = t.testdir();
  const listener = boardListener({ folder: "tb", pictures: false });
  await listener.onLog?.(line);
  await listener.onStart?.({ runDir, step: 0, maxSteps: 20 });
  await listener.onSample?.({ step: 10, files: ["missing.png"] });
  listener.close();
  const [name = ""] = readdirSync(join(runDir, "tb"));
  t.equal(readEvents(join(runDir, "tb", name)).length, 1);
});
