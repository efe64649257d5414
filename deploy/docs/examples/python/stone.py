"""A whole stone in Python: a NATS client and nothing of Riverstones.

queue/PROTOCOL.md says why each step is there.

    pip install nats-py
    NATS_URL=nats://127.0.0.1:4222 python stone.py [code]
"""

import asyncio
import hashlib
import json
import os
import re
import socket
import sys
import time
from datetime import datetime, timezone

import nats
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, ReplayPolicy
from nats.js.errors import ObjectNotFoundError

CODE = sys.argv[1] if len(sys.argv) > 1 else "HelloPython"
CONCURRENCY, ATTEMPTS, BACKOFF, ACK_WAIT = 10, 3, 5.0, 30.0


def token(text):
    return re.sub(rb"[^A-Za-z0-9_-]", lambda b: b"=%02X" % b[0][0], text.encode()).decode()


def now():
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


STONE, WORKER = token(CODE), f"{socket.gethostname()}-{os.getpid()}"


class Retry(Exception):
    """Failed in a way that may pass. Any other exception fails for good."""


# What this stone can do. A method returns the outputs it adds. Methods that are
# missing are answered in ABSENT. What they await ends when the task is cancelled
# or the lease is lost; whoever works in a thread has to look for it himself.


async def start(task, run):
    params = task["params"]
    steps = int(params.get("seconds", 1) * 10)
    for step in range(steps):
        await asyncio.sleep(0.1)
        if step % 10 == 0:
            await run.tell(progress=100 * step // steps, log=[run.line("info", f"step {step}")])
    if run.tries <= params.get("stumble", 0):
        raise Retry("stumbled")
    if not params.get("who"):
        raise ValueError("params.who is missing")
    return {"greeting": f"Hello, {params['who']}", "key": run.idempotency_key}


async def rollback(task, run):
    await run.tell(log=[run.line("info", f"forgetting {task['outputs'].get('greeting')}")])
    return {"greeting": None}


METHODS = {"start": start, "rollback": rollback}
ABSENT = {
    "mock": [{"status": "mock.passed"}],
    "cancel": [{"status": "canceled"}],
    "delete": [{"status": "delete.begin"}, {"status": "delete.success", "reason": "nothing to do"}],
}
LANES = {"w": ["start", "mock"], "m": ["monitor"], "c": ["cancel", "rollback", "delete"]}


class Run:
    """One granted command."""

    def __init__(self, js, task, grant):
        self.js, self.task, self.delivery, self.tries = js, task, grant["delivery"], grant["try"]
        self.idempotency_key = "{id}/{epoch}/{method}".format(**task)
        self.begun = self.lost = self.overtaken = False
        self.work = None

    @staticmethod
    def line(level, text):
        return {"time": now(), "level": level, "line": text}

    async def tell(self, *transitions, **more):
        """Publishes an event and returns when it is stored."""
        task = self.task
        names = ("id", "taskId", "processInstanceId", "name", "namespace", "stone", "method", "epoch")
        event = {name: task[name] for name in names}
        event |= {"delivery": self.delivery, "worker": WORKER, "transitions": [{"time": now(), **t} for t in transitions], **more}
        headers = {"Rs-Task": task["id"], "Rs-Epoch": str(task["epoch"]), "Rs-Method": task["method"], "Rs-Schema": "1"}
        if transitions:
            headers["Nats-Msg-Id"] = f"{task['id']}.{task['epoch']}.{self.delivery}.{transitions[-1]['status']}"
        payload = json.dumps(event).encode()
        if len(payload) > 128 << 10:  # larger outputs would need an object of their own
            raise ValueError("outputs of more than 128 KiB")
        while True:  # the same message id makes the repeat harmless
            try:
                await self.js.publish(f"rs.evt.{STONE}.{task['method']}", payload, timeout=5, stream="RS_EVENTS", headers=dict(headers))
                return
            except Exception as err:  # not stored, or not known: only a held lease allows another try
                if self.lost:
                    raise
                print("not stored yet:", repr(err), file=sys.stderr)
                await asyncio.sleep(1)

    def policy(self):
        """How often this command is tried, and how long to wait before the next try."""
        own = self.task.get("retry") or {}
        units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
        parts = re.findall(r"([\d.]+)(ms|h|m|s)", own.get("backoff") or "")
        first = sum(float(n) * units[u] for n, u in parts) or BACKOFF
        return own.get("maxAttempts") or ATTEMPTS, min(first * 2 ** (self.tries - 1), 300)


class Worker:
    def __init__(self, nc):
        self.nc, self.js = nc, nc.jetstream()
        self.running, self.last_fetch = {}, now()

    async def make_durables(self):
        """Whoever comes first makes them, with exactly these settings."""
        there = []
        while page := await self.js.consumers_info("RS_TASKS", offset=len(there)):
            there += page
        for durable in there:  # a stone is consumed whole or by business key, not both
            if durable.name[:2] in ("w_", "m_", "c_") and durable.name[2:].startswith(STONE + "=="):
                raise SystemExit(f"{CODE} is served by business key: {durable.name}")
        for lane, methods in LANES.items():
            await self.js.add_consumer("RS_TASKS", ConsumerConfig(
                durable_name=f"{lane}_{STONE}", filter_subjects=[f"rs.task.{STONE}.*.{m}" for m in methods],
                ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL, replay_policy=ReplayPolicy.INSTANT,
                ack_wait=ACK_WAIT, max_deliver=-1, max_ack_pending=100_000 if lane == "m" else 10_000,
                num_replicas=1))

    async def announce(self):
        """Presence, every 10 s: GET /stone shows the worker as live."""
        while True:
            card = {
                "code": CODE, "displayName": "Hello from Python", "version": "1", "methods": list(METHODS), "worker": WORKER,
                "host": socket.gethostname(), "concurrency": CONCURRENCY, "businessKey": None, "lastFetch": self.last_fetch,
                "params": [{"name": "who", "type": "string"}, {"name": "seconds", "type": "number"}, {"name": "stumble", "type": "integer"}],
                "outputs": [{"name": "greeting"}, {"name": "key"}],
            }
            try:
                await self.js.publish(f"$KV.RS_STONES.{STONE}.{token(WORKER)}", json.dumps(card).encode())
            except Exception as err:
                print("announcement:", repr(err), file=sys.stderr)
            await asyncio.sleep(10)

    async def overtake(self, msg):
        """A broadcast: stop what runs below the epoch."""
        news = json.loads(msg.data)
        run = self.running.get(news["id"])
        if run and run.task["epoch"] < news["epoch"]:
            run.overtaken = True
            if run.work:
                run.work.cancel()

    async def ask(self, msg, task):
        question = {key: task[key] for key in ("id", "epoch", "method")}
        question |= {"delivery": msg.metadata.num_delivered, "worker": WORKER}
        try:
            return json.loads((await self.nc.request(f"rs.ask.{STONE}", json.dumps(question).encode(), timeout=2)).data)
        except Exception:
            return {"answer": "later", "after": "2s"}

    async def fetch_body(self, msg, task):
        """Params and outputs over 128 KiB stand in an object, named by its digest."""
        name = (msg.headers or {}).get("Rs-Blob")
        if name:
            body = (await (await self.js.object_store("RS_BLOB")).get(name)).data
            if name != "sha256-" + hashlib.sha256(body).hexdigest():
                raise Retry("the object of the command is broken")
            task.update(json.loads(body))

    async def hold(self, msg, run):
        """The lease: renewed every third of ACK_WAIT; lost for two thirds, stop and say nothing."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(ACK_WAIT / 3)
            try:
                sent = time.monotonic()
                await self.nc.request(msg.reply, b"+WPI", timeout=5)
                renewed = sent
            except Exception:
                if time.monotonic() - renewed > ACK_WAIT * 2 / 3:
                    run.lost = True
                    run.work.cancel()

    async def handle(self, msg):
        try:
            task = json.loads(msg.data)
        except ValueError:
            return await msg.term()
        grant = await self.ask(msg, task)
        if grant["answer"] in ("done", "superseded"):
            return await msg.ack()
        if grant["answer"] == "leave":  # another worker holds it
            return None
        if grant["answer"] != "run":  # later; monitor is never asked of a stone without one
            return await msg.nak(delay=2)
        run = Run(self.js, task, grant)
        if task["method"] not in METHODS:
            await run.tell(*ABSENT[task["method"]])
            return await msg.ack()
        self.running[task["id"]] = run
        lease = None
        try:
            run.work = asyncio.create_task(self.work(msg, run))
            lease = asyncio.create_task(self.hold(msg, run))
            await self.finish(msg, run)
        finally:
            if lease:
                lease.cancel()
            if self.running.get(task["id"]) is run:
                del self.running[task["id"]]

    async def work(self, msg, run):
        await run.tell({"status": f"{run.task['method']}.begin"})
        run.begun = True
        try:
            await self.fetch_body(msg, run.task)
        except ObjectNotFoundError as err:
            raise Retry("the object of the command is missing") from err
        return await METHODS[run.task["method"]](run.task, run)

    async def finish(self, msg, run):
        """Tells the outcome, and acks when it is stored."""
        method = run.task["method"]
        try:
            outputs = await run.work
            end = {"status": f"{method}.success"} | ({"final": True} if method == "start" else {})
            await run.tell(end, outputs=outputs)
        except asyncio.CancelledError:
            if run.lost:
                return
            if not run.overtaken:  # the program ends: the command comes again
                raise
            if not run.begun:
                await run.tell({"status": f"{method}.begin"})
        except Retry as err:
            attempts, delay = run.policy()
            if run.tries < attempts:
                note = f"try {run.tries} of {attempts} failed: {err}; next in {delay:g}s"
                await run.tell(log=[run.line("warn", note)])
                return await msg.nak(delay=delay)
            await run.tell({"status": f"{method}.failed", "reason": str(err)})
        except Exception as err:
            if run.lost:
                return
            await run.tell({"status": f"{method}.failed", "reason": str(err)})
        await msg.ack()

    async def pull(self, durable):
        lane = await self.js.pull_subscribe_bind(durable=durable, stream="RS_TASKS")
        while True:
            self.last_fetch = now()
            try:
                for msg in await lane.fetch(1, timeout=10):
                    await self.handle(msg)
            except NatsTimeout:
                pass
            except Exception as err:  # not acked: the command comes again
                print(durable, repr(err), file=sys.stderr)
                await asyncio.sleep(1)


async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), name=WORKER, max_reconnect_attempts=-1)
    worker = Worker(nc)
    await worker.make_durables()
    await nc.subscribe(f"rs.ctl.{STONE}", cb=worker.overtake)
    print(CODE, "runs as", WORKER, flush=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.announce())
        for lane in LANES:
            for _ in range(CONCURRENCY if lane == "w" else 2):
                group.create_task(worker.pull(f"{lane}_{STONE}"))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
