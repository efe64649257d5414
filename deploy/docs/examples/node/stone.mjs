// A whole stone in another language: a NATS client and nothing of Riverstones.
// queue/PROTOCOL.md says why each step is there.
//
//   npm install @nats-io/transport-node@3 @nats-io/jetstream@3
//   NATS_URL=127.0.0.1:4222 node stone.mjs [code]
import { hostname } from "node:os";
import { connect, headers } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";

const code = process.argv[2] ?? "HelloNode", concurrency = 10, ackWait = 30_000;
const token = (s) => s.replace(/[^A-Za-z0-9_-]/g, (c) => "=" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0"));
const stone = token(code), worker = `${hostname()}-${process.pid}`;

// What this stone can do. A method returns the outputs it adds; an error is the
// reason of <method>.failed. Methods that are missing are answered in absent.
const methods = {
  async start(task, tell, stop) {
    await tell([], { progress: 50, log: [{ time: new Date().toISOString(), level: "info", line: "saying hello" }] });
    if (stop.aborted) throw new Error("stopped");
    if (!task.params.who) throw new Error("params.who is missing");
    return { greeting: `Hello, ${task.params.who}` };
  },
};
const nothing = (m) => [{ status: `${m}.begin` }, { status: `${m}.success`, reason: "nothing to do" }];
const absent = { mock: [{ status: "mock.passed" }], cancel: [{ status: "canceled" }], rollback: nothing("rollback"), delete: nothing("delete") };

const nc = await connect({ servers: process.env.NATS_URL ?? "127.0.0.1:4222", name: worker, maxReconnectAttempts: -1 });
const js = jetstream(nc), jsm = await js.jetstreamManager();

// Durables: whoever comes first makes them, with exactly these settings.
const lanes = { w: ["start", "mock"], m: ["monitor"], c: ["cancel", "rollback", "delete"] };
for await (const c of jsm.consumers.list("RS_TASKS")) {
  if (/^[wmc]_/.test(c.name) && c.name.slice(2).startsWith(stone + "==")) throw new Error(`${code} is served by business key: ${c.name}`);
}
for (const [lane, names] of Object.entries(lanes)) {
  await jsm.consumers.add("RS_TASKS", {
    durable_name: `${lane}_${stone}`, filter_subjects: names.map((m) => `rs.task.${stone}.*.${m}`),
    ack_policy: "explicit", deliver_policy: "all", replay_policy: "instant", max_deliver: -1,
    ack_wait: ackWait * 1e6, max_ack_pending: lane === "m" ? 100_000 : 10_000, num_replicas: 1,
  });
}

// Presence: put again every 10 s, so that GET /stone shows the worker as live.
let lastFetch = new Date().toISOString();
const announce = () => js.publish(`$KV.RS_STONES.${stone}.${token(worker)}`, JSON.stringify({
  code, displayName: "Hello from Node", version: "1", methods: Object.keys(methods), worker, host: hostname(), concurrency, businessKey: null, lastFetch,
  params: [{ name: "who", type: "string", required: true }], outputs: [{ name: "greeting" }],
})).catch(() => {});
await announce();
setInterval(announce, 10_000);

// Broadcasts: stop what runs below the epoch.
const running = new Map();
nc.subscribe(`rs.ctl.${stone}`, { callback: (_, m) => {
  const { id, epoch } = m.json(), run = running.get(id);
  if (run && run.epoch < epoch) run.stop.abort();
} });

async function handle(m) {
  let task;
  try { task = m.json(); } catch { return m.term("command is not JSON"); }
  const { id, taskId, processInstanceId, name, namespace, epoch, method } = task;
  const question = JSON.stringify({ id, epoch, method, delivery: m.info.deliveryCount, worker });
  const a = await nc.request(`rs.ask.${stone}`, question, { timeout: 2000 }).then((r) => r.json(), () => ({ answer: "later" }));
  if (a.answer === "done" || a.answer === "superseded") return m.ack();
  if (a.answer === "leave") return; // another worker holds it
  if (a.answer !== "run") return m.nak(2000); // later; monitor is never asked of a stone without one

  const tell = async (transitions, more = {}) => {
    const h = headers(), time = new Date().toISOString();
    for (const [k, v] of Object.entries({ "Rs-Task": id, "Rs-Epoch": `${epoch}`, "Rs-Method": method, "Rs-Schema": "1" })) h.set(k, v);
    const msgID = transitions.length ? `${id}.${epoch}.${a.delivery}.${transitions.at(-1).status}` : undefined;
    await js.publish(`rs.evt.${stone}.${method}`, JSON.stringify({ id, taskId, processInstanceId, name, namespace, stone: code, method, epoch,
      delivery: a.delivery, worker, transitions: transitions.map((t) => ({ time, ...t })), ...more }),
    { headers: h, msgID, timeout: 5000, retries: 4, expect: { streamName: "RS_EVENTS" } });
  };
  if (!methods[method]) { await tell(absent[method]); return m.ack(); }

  // The lease: renewed every third of AckWait; lost for two thirds, stop and say nothing.
  const stop = new AbortController(), run = { epoch, stop };
  let renewed = Date.now(), lost = false;
  const lease = setInterval(() => {
    const sent = Date.now();
    nc.request(m.reply, "+WPI", { timeout: 5000 }).then(() => { renewed = sent; }, () => {});
    if (sent - renewed > ackWait * 2 / 3) { lost = true; stop.abort(); }
  }, ackWait / 3);
  running.set(id, run);
  try {
    await tell([{ status: `${method}.begin` }]);
    const end = await methods[method](task, tell, stop.signal).then(
      (outputs) => [[{ status: `${method}.success`, ...(method === "start" && { final: true }) }], { outputs }],
      (err) => [[{ status: `${method}.failed`, reason: err.message }]]);
    if (lost) return;
    await tell(...end); // the outcome has its PubAck before the command is acked
    m.ack();
  } finally {
    clearInterval(lease);
    if (running.get(id) === run) running.delete(id);
  }
}

async function pull(durable) {
  const consumer = await js.consumers.get("RS_TASKS", durable);
  while (!nc.isClosed()) {
    try {
      const m = await consumer.next({ expires: 10_000 });
      lastFetch = new Date().toISOString();
      if (m) await handle(m);
    } catch (err) { // not acked: the command comes again
      console.error(durable, err.message);
      await new Promise((again) => setTimeout(again, 1000));
    }
  }
}
for (const lane of Object.keys(lanes)) for (let i = 0; i < (lane === "w" ? concurrency : 2); i++) pull(`${lane}_${stone}`);
console.log(`${code} runs as ${worker}`);
