// Runs a netlist of mapped cells and writes down every beat that passes the ports of the core in it.
//
//   driver FOLDER CYCLES                            the stimulus is the netlist's own
//   driver FOLDER CYCLES STALL SEED EXPECTED        the core's inputs are driven: beats of FOLDER/s_axis.in, no states
//   driver PORT CYCLES_A_BIT serve                  the serial pins of a netlist that has them, see serial.h
//
// Files hold records of one beat each: FOLDER/<port>.beats the cycle (64 bits), tdata, and a byte that is 1 with tlast;
// s_axis.in the same without the cycle. Driven, the run ends once EXPECTED beats were given at m_axis and none follows
// for a while; it always ends after CYCLES cycles.
//
// The result is one line of JSON: the cycles, and in "error" the rule of the stream that was broken, if one was.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
// PORTS(X), SINKS(X), SOURCES(X): X(name, bytes of tdata) for each of the core's ports; RESET_CYCLES;
// SERIAL: whether there are serial pins
#include "netlist_ports.h"
#include "verilated.h"
#if SERIAL
#define SERIAL_START(top) top->cut = 0
#define SERIAL_CLOCK(top) top->clock
#include "serial.h"
#endif

namespace {

constexpr uint64_t kResetCycles = RESET_CYCLES;  // the top level's own reset; what passes by then means nothing
constexpr uint64_t kQuietCycles = 64;  // nothing may follow the last expected beat for this long

using Bytes = std::vector<uint8_t>;

struct Port {
  std::string name;
  size_t bytes;
  Bytes records, held;  // held: a beat that was offered and not taken
};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

Bytes read_file(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) fail("cannot read " + path);
  Bytes content;
  uint8_t block[1 << 16];
  for (size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) content.insert(content.end(), block, block + n);
  std::fclose(file);
  return content;
}

void write_file(const std::string& path, const Bytes& data) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(data.data(), 1, data.size(), file) != data.size() || std::fclose(file) != 0)
    fail("cannot write " + path);
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

// One cycle of a port as it stands before the clock edge; returns whether a beat passes.
template <typename Data>
bool observe(Port& port, uint64_t cycle, bool valid, bool ready, const Data& data, bool last, std::string& error) {
  Bytes shown(port.bytes + 1);
  if (valid) {
    std::memcpy(shown.data(), &data, port.bytes);
    shown[port.bytes] = last;
  }
  if (!port.held.empty() && (!valid || shown != port.held) && error.empty())
    error = "a beat at " + port.name + " changed or vanished before it was taken, in cycle " + std::to_string(cycle);
  port.held.clear();
  if (!valid) return false;
  if (!ready) {
    port.held = shown;
    return false;
  }
  const auto* stamp = reinterpret_cast<const uint8_t*>(&cycle);
  port.records.insert(port.records.end(), stamp, stamp + sizeof cycle);
  port.records.insert(port.records.end(), shown.begin(), shown.end());
  return true;
}

template <typename T>
void drive(T& port, const uint8_t* bytes, size_t count) {
  uint8_t padded[sizeof(T)] = {};
  std::memcpy(padded, bytes, count);
  std::memcpy(&port, padded, sizeof(T));
}

}  // namespace

int main(int argc, char** argv) {
#if SERIAL
  if (argc == 4) return serve_serial(argv[1], argv[2]);
#endif
  if (argc != 3 && argc != 6) fail("usage: driver FOLDER CYCLES [STALL SEED EXPECTED]");
  const std::string folder = std::string(argv[1]) + "/";
  const uint64_t cycles = std::strtoull(argv[2], nullptr, 10);
  const bool cut = argc == 6;
  const uint32_t stall = cut ? std::strtoul(argv[3], nullptr, 10) : 0;
  const uint64_t seed = cut ? std::strtoull(argv[4], nullptr, 10) : 1;
  const uint64_t expected = cut ? std::strtoull(argv[5], nullptr, 10) : 0;
  const Bytes input = cut ? read_file(folder + "s_axis.in") : Bytes();

  auto context = std::make_unique<VerilatedContext>();
  context->randReset(2);  // what the netlist leaves open has random values
  context->randSeed(static_cast<int>(seed % 0x7fffffff) + 1);
  auto top = std::make_unique<Vtop>(context.get());
#define DECLARE(name, bytes) Port name{#name, bytes, {}, {}};
  PORTS(DECLARE)

  Random random{seed * 2654435761u + 88172645463325252ull};
  const size_t record = s_axis.bytes + 1, beats = input.size() / record;
  size_t sent = 0;
  bool offering = false;
  std::string error;
  uint64_t cycle = 0, given = 0, quiet = 0;
  top->clock = 0;
  top->cut = cut;
#if SERIAL
  top->rx = 1;
#endif
#define IDLE_SINK(name, bytes) top->in_##name##_tvalid = 0;
#define READY_SOURCE(name, bytes) top->in_##name##_tready = stall == 0 || random.next16() >= stall;
  SINKS(IDLE_SINK)
  for (; cycle < cycles && quiet < kQuietCycles && error.empty(); ++cycle) {
    if (cut) {
      // once offered, a beat stays until it is taken
      offering = cycle > kResetCycles && sent < beats && (offering || stall == 0 || random.next16() >= stall);
      if (offering) {
        drive(top->in_s_axis_tdata, &input[sent * record], s_axis.bytes);
        top->in_s_axis_tlast = input[sent * record + s_axis.bytes];
      }
      top->in_s_axis_tvalid = offering;
      SOURCES(READY_SOURCE)
    }
    top->eval();
    if (cycle >= kResetCycles) {
      bool passed[2] = {false, false};
      size_t number = 0;
#define OBSERVE(name, bytes)                                                                                \
  {                                                                                                         \
    const bool passes = observe(name, cycle, top->net_##name##_tvalid, top->net_##name##_tready,            \
                                top->net_##name##_tdata, top->net_##name##_tlast, error);                   \
    if (number < 2) passed[number] = passes;                                                                \
    ++number;                                                                                               \
  }
      PORTS(OBSERVE)  // the first two are s_axis and m_axis
      if (cut && passed[0]) {
        ++sent;
        offering = false;
      }
      given += passed[1];
    }
    quiet = cut && given >= expected && sent == beats ? quiet + 1 : 0;
    top->clock = 1;
    top->eval();
    top->clock = 0;
  }
#define STORE(name, bytes) write_file(folder + #name ".beats", name.records);
  PORTS(STORE)
  std::printf("{\"cycles\": %llu, \"error\": \"%s\"}\n", static_cast<unsigned long long>(cycle), error.c_str());
  top->final();
  return 0;
}
