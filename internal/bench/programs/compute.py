# The same text runs in our Python and in the one installed here. Each task reports the best of a few times.
import json
import random
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def loop():
    total = 0
    for i in range(1_000_000):
        total += i
    return total


DOCUMENT = [{"id": i, "name": f"name {i}", "score": i * 1.5, "tags": ["a", "b", "c"], "on": i % 2 == 0} for i in range(500)]


def round_trips():
    for _ in range(20):
        again = json.loads(json.dumps(DOCUMENT))
    return again


random.seed(1)
FLOATS = [random.random() for _ in range(200_000)]


def best(task, times=3):
    least = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        task()
        least = min(least, time.perf_counter() - began)
    return least * 1000


print(json.dumps({
    "fib": best(lambda: fib(27)),
    "loop": best(loop),
    "json": best(round_trips),
    "sort": best(lambda: sorted(FLOATS)),
}))
