// The same text runs in our JavaScript and in node. Each task reports the best of a few times.
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

function loop() {
  let total = 0;
  for (let i = 0; i < 1_000_000; i++) total += i;
  return total;
}

const DOCUMENT = Array.from({ length: 500 }, (_, i) => ({ id: i, name: `name ${i}`, score: i * 1.5, tags: ['a', 'b', 'c'], on: i % 2 === 0 }));

function roundTrips() {
  let again;
  for (let i = 0; i < 20; i++) again = JSON.parse(JSON.stringify(DOCUMENT));
  return again;
}

let seed = 1;
const FLOATS = Array.from({ length: 200_000 }, () => { seed = (seed * 16807) % 2147483647; return seed / 2147483647; });

function best(task, times = 3) {
  let least = Infinity;
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    task();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

console.log(JSON.stringify({
  fib: best(() => fib(27)),
  loop: best(loop),
  json: best(roundTrips),
  sort: best(() => FLOATS.slice().sort((a, b) => a - b)),
}));
