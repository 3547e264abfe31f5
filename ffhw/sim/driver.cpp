// Batch driver: streams files of beats through the compiled RTL, as fast as the host allows.
//
//   driver IN OUT TIMES STALL SEED EXPECTED LIMIT [WAVES.vcd]
//
// IN holds records of one beat each, to be sent in this order: the number of the input port, tdata, then a byte that is
// 1 with tlast; tdata takes as many bytes as the widest port has. OUT.<n> receives the beats of output port n, tdata and
// the byte for tlast, TIMES the cycle numbers (64-bit) of all accepted beats of input port 0, then of all given beats of
// output port 0. STALL is the share of cycles, in 1/65536, in which either side makes the design wait. EXPECTED is the
// number of beats that each output port is to give, one after the other with commas between; the run ends once they were
// given and none follows for a while; it fails when LIMIT cycles pass first. Probes, where the design has them, are
// written to OUT.probe<n>: every signal of each finished group of units.
//
// The result is one line of JSON on standard output. Exit code 1 with a line on standard error: the design broke a rule
// of the stream, gave too many beats, or did not answer.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif
// INPUTS(X), OUTPUTS(X): X(n, name, bytes of tdata) for each port; WIDEST: bytes of the widest input port;
// PROBES(X): X(n) for each probe; PROBE_<n>_SIGNALS(X): X(n, signal) for each of its signals
#include "ports.h"

namespace {

constexpr int kQuietCycles = 64;  // nothing may follow the last expected beat for this long
constexpr int kResetCycles = 4;

template <typename T>
void set_port(T& port, const uint8_t* bytes) {
  std::memcpy(&port, bytes, sizeof(T));
}

template <typename T>
void get_port(const T& port, uint8_t* bytes, size_t count) {
  std::memcpy(bytes, &port, count);
}

// Ports are little-endian words of 1, 2, 4, 8 or more bytes; a record holds just the bytes that count.
template <typename T>
size_t port_room(const T&) {
  return sizeof(T);
}

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

std::vector<uint8_t> read_file(const char* path) {
  FILE* file = std::fopen(path, "rb");
  if (!file) fail(std::string("cannot read ") + path);
  std::vector<uint8_t> content;
  uint8_t block[1 << 16];
  for (size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) content.insert(content.end(), block, block + n);
  std::fclose(file);
  return content;
}

void write_file(const std::string& path, const void* data, size_t size) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(data, 1, size, file) != size || std::fclose(file) != 0) fail("cannot write " + path);
}

// xorshift64*: the same stalls on every host for the same seed
struct Random {
  uint64_t state;
  uint32_t next16() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return static_cast<uint32_t>((state * 2685821657736338717ull) >> 48);
  }
};

// An output port: what it gave, and what it shows but nobody took yet.
struct Output {
  std::string name;
  size_t bytes;
  uint64_t expected = 0, given = 0;
  bool taking = false;
  std::vector<uint8_t> output, shown, held;
  std::vector<uint64_t> times;

  Output(const char* name, size_t bytes) : name(name), bytes(bytes), shown(bytes + 1) {}

  // The port's signals in a cycle; `shown` is up to date where `valid`.
  void observe(bool valid, uint64_t cycle) {
    if (!held.empty() && (!valid || held != shown))
      fail("stream rule broken at " + name + " in cycle " + std::to_string(cycle) +
           ": a beat changed or vanished before it was taken");
    held.clear();
    if (valid && !taking) held = shown;
    if (!valid || !taking) return;
    if (given == expected) fail("an unexpected beat was given at " + name + " in cycle " + std::to_string(cycle));
    output.insert(output.end(), shown.begin(), shown.end());
    times.push_back(cycle);
    ++given;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) fail("usage: driver IN OUT TIMES STALL SEED EXPECTED LIMIT [WAVES.vcd]");
  const std::vector<uint8_t> input = read_file(argv[1]);
  const std::string out_path = argv[2];
  const uint32_t stall = std::strtoul(argv[4], nullptr, 10);
  const uint64_t seed = std::strtoull(argv[5], nullptr, 10);
  std::vector<Output> outputs;
#define ADD(n, port, bytes) outputs.emplace_back(#port, bytes);
  OUTPUTS(ADD)
  const char* next = argv[6];
  for (Output& out : outputs) {
    char* end;
    out.expected = std::strtoull(next, &end, 10);
    next = *end ? end + 1 : end;
  }
  const uint64_t limit = std::strtoull(argv[7], nullptr, 10);

  auto context = std::make_unique<VerilatedContext>();
  context->randReset(2);  // registers without a reset wake up with random content
  context->randSeed(static_cast<int>(seed % 0x7fffffff) + 1);
  auto top = std::make_unique<Vtop>(context.get());
#if VM_TRACE
  context->traceEverOn(true);
  VerilatedVcdC waves;
  if (argc > 8) {
    top->trace(&waves, 99);
    waves.open(argv[8]);
  }
#endif
  uint64_t time = 0;
  auto eval = [&] {
    top->eval();
#if VM_TRACE
    if (argc > 8) waves.dump(time);
#endif
    time += 5;
  };
  auto clock = [&] {
    top->clk = 1;
    eval();
    top->clk = 0;
  };

  Random random{seed * 2654435761u + 88172645463325252ull};
  const size_t in_record = WIDEST + 2;
  const size_t beats = input.size() / in_record;
  std::vector<uint8_t> padded;
  std::vector<uint64_t> in_times;
#define ROOM(n, port, bytes) \
  if (port_room(top->port##_tdata) > padded.size()) padded.resize(port_room(top->port##_tdata));
  INPUTS(ROOM)
  padded.resize(padded.size() + WIDEST);
#define DECLARE(n) std::vector<uint8_t> probe_##n;
  PROBES(DECLARE)

  top->clk = 0;
  top->rst = 1;
#define IDLE_INPUT(n, port, bytes) top->port##_tvalid = 0;
#define IDLE_OUTPUT(n, port, bytes) top->port##_tready = 0;
  INPUTS(IDLE_INPUT)
  OUTPUTS(IDLE_OUTPUT)
  for (int n = 0; n < kResetCycles; ++n) {
    eval();
    clock();
  }
  top->rst = 0;

  size_t sent = 0;
  bool offering = false;
  uint64_t cycle = 0, quiet = 0;
  while (quiet < kQuietCycles) {
    if (cycle >= limit) {
      std::string counts;
      for (const Output& out : outputs)
        counts += (counts.empty() ? "" : ", ") + std::to_string(out.given) + " of " + std::to_string(out.expected);
      fail("no answer: " + counts + " beats after " + std::to_string(cycle) + " cycles");
    }
    // once offered, a beat stays until it is accepted
    offering = sent < beats && (offering || stall == 0 || random.next16() >= stall);
    const uint8_t* record = input.data() + sent * in_record;
    const int port_number = offering ? record[0] : -1;
#define OFFER(n, port, bytes)                          \
  top->port##_tvalid = port_number == n;               \
  if (port_number == n) {                              \
    std::memcpy(padded.data(), record + 1, bytes);     \
    set_port(top->port##_tdata, padded.data());        \
    top->port##_tlast = record[1 + WIDEST];            \
  }
    INPUTS(OFFER)
#define TAKE(n, port, bytes)                                            \
  outputs[n].taking = stall == 0 || random.next16() >= stall;           \
  top->port##_tready = outputs[n].taking;
    OUTPUTS(TAKE)
    eval();
    bool accepted = false;
#define ACCEPT(n, port, bytes) accepted |= port_number == n && top->port##_tready;
    INPUTS(ACCEPT)
#define OBSERVE(n, port, bytes)                                          \
  if (top->port##_tvalid) {                                              \
    get_port(top->port##_tdata, outputs[n].shown.data(), bytes);         \
    outputs[n].shown[bytes] = top->port##_tlast;                         \
  }                                                                      \
  outputs[n].observe(top->port##_tvalid, cycle);
    OUTPUTS(OBSERVE)
    ++quiet;
    if (sent < beats) quiet = 0;
    for (const Output& out : outputs)
      if (out.given < out.expected) quiet = 0;
#define RECORD_SIGNAL(n, signal)                                        \
  {                                                                     \
    uint8_t codes[PROBE_##n##_BYTES];                                   \
    get_port(top->probe_##n##_##signal, codes, sizeof codes);           \
    probe_##n.insert(probe_##n.end(), codes, codes + sizeof codes);     \
  }
#define RECORD(n) \
  if (top->probe_##n##_valid) { PROBE_##n##_SIGNALS(RECORD_SIGNAL) }
    PROBES(RECORD)
    if (accepted) {
      if (port_number == 0) in_times.push_back(cycle);
      ++sent;
      offering = false;
    }
    clock();
    ++cycle;
  }

#if VM_TRACE
  if (argc > 8) waves.close();
#endif
  for (size_t n = 0; n < outputs.size(); ++n)
    write_file(out_path + "." + std::to_string(n), outputs[n].output.data(), outputs[n].output.size());
  in_times.insert(in_times.end(), outputs[0].times.begin(), outputs[0].times.end());
  write_file(argv[3], in_times.data(), in_times.size() * sizeof(uint64_t));
#define STORE(n) write_file(out_path + ".probe" #n, probe_##n.data(), probe_##n.size());
  PROBES(STORE)
  std::printf("{\"cycles\": %llu, \"beats_in\": %zu}\n", static_cast<unsigned long long>(cycle), sent);
  top->final();
  return 0;
}
