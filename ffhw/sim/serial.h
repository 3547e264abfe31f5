// The serial pins of a simulated top level, `rx` and `tx`, as a TCP socket: serve_serial(PORT, CYCLES).
//
// Before it is included, SERIAL_CLOCK(top) is defined as the clock's pin, and SERIAL_START(top) as what must be done once.
//
// CYCLES of the clock are a bit on the wire. PORT of this machine is listened at, any free one if 0; the first line of
// standard output is its number. One host is served at a time. SIGUSR1 is a power failure: all begins anew.
//
// Simulated time runs as fast as it can while anything travels, and slowly while nothing does.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr int kBits = 10;             // start, eight, stop
constexpr uint64_t kLook = 2000;      // cycles between two looks at the socket
constexpr uint64_t kIdle = 400'000;   // cycles without any traffic after which time runs slowly
constexpr int kSlowMs = 5;            // then so long between two looks
constexpr size_t kQueue = 4096;       // bytes that wait for the wire at most; the rest waits in the socket

static volatile std::sig_atomic_t power_failed = 0;
static void on_signal(int) { power_failed = 1; }

[[noreturn]] void fail_at_port() {
  std::fprintf(stderr, "cannot listen at the port: %s\n", std::strerror(errno));
  std::exit(1);
}

int listen_at(uint16_t port) {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail_at_port();
  if (listen(server, 1) != 0) fail_at_port();
  socklen_t size = sizeof address;
  getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return server;
}

// The host's transmitter: a pin that follows queued bytes.
struct SerialSender {
  uint32_t cycles;
  std::deque<uint8_t> queue;
  uint32_t bits = 0, left = 0, timer = 0;
  bool pin = true;

  bool idle() const { return queue.empty() && left == 0; }
  void tick() {
    if (timer && --timer) return;
    if (left == 0) {
      pin = true;
      if (queue.empty()) return;
      bits = 0x200u | (queue.front() << 1);
      queue.pop_front();
      left = kBits;
    }
    pin = bits & 1;
    bits >>= 1;
    --left;
    timer = cycles;
  }
};

// The host's receiver: each bit is read in its middle.
struct SerialReceiver {
  uint32_t cycles;
  std::vector<uint8_t> bytes;
  uint32_t timer = 0, count = 0, bits = 0;
  bool busy = false;

  void tick(bool pin) {
    if (!busy) {
      if (pin) return;
      busy = true;
      count = 0;
      timer = cycles / 2;
      return;
    }
    if (--timer) return;
    timer = cycles;
    bits = (bits >> 1) | (pin ? 0x200u : 0);
    if (++count < kBits) return;
    busy = false;
    if (pin) bytes.push_back((bits >> 1) & 0xff);
  }
};

}  // namespace

inline int serve_serial(const char* port, const char* bit_cycles) {
  const uint32_t cycles = std::strtoul(bit_cycles, nullptr, 10);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGUSR1, on_signal);
  auto context = std::make_unique<VerilatedContext>();
  context->randReset(2);  // what nothing initializes wakes up with random content
  context->randSeed(1);
  auto top = std::make_unique<Vtop>(context.get());
  const int server = listen_at(std::strtoul(port, nullptr, 10));
  int client = -1;
  SerialSender sender{cycles};
  SerialReceiver receiver{cycles};
  SERIAL_START(top);
  uint64_t quiet = 0;

  while (true) {
    if (power_failed) {
      power_failed = 0;
      top->final();
      top = std::make_unique<Vtop>(context.get());
      SERIAL_START(top);
      sender = SerialSender{cycles};
      receiver = SerialReceiver{cycles};
    }
    for (uint64_t n = 0; n < kLook; ++n) {
      sender.tick();
      top->rx = sender.pin;
      SERIAL_CLOCK(top) = 1;
      top->eval();
      SERIAL_CLOCK(top) = 0;
      top->eval();
      receiver.tick(top->tx);
    }
    quiet = sender.idle() && !receiver.busy && receiver.bytes.empty() ? quiet + kLook : 0;
    pollfd look{client >= 0 ? client : server, 0, 0};
    if (client < 0 || sender.queue.size() < kQueue) look.events = POLLIN;
    poll(&look, 1, quiet > kIdle ? kSlowMs : 0);
    if (client < 0) {
      receiver.bytes.clear();  // nobody listens at the wire
      if (!(look.revents & POLLIN)) continue;
      client = accept(server, nullptr, nullptr);
      const int yes = 1;
      if (client >= 0) setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      continue;
    }
    bool gone = look.revents & (POLLERR | POLLNVAL);
    if (look.revents & (POLLIN | POLLHUP)) {
      uint8_t block[1024];
      const ssize_t count = recv(client, block, sizeof block, MSG_DONTWAIT);
      if (count > 0) sender.queue.insert(sender.queue.end(), block, block + count);
      gone |= count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
    }
    if (!receiver.bytes.empty() && !gone) {
      // a host that does not read loses bytes, as it would from a wire
      const ssize_t count = send(client, receiver.bytes.data(), receiver.bytes.size(), MSG_DONTWAIT);
      gone |= count < 0 && errno != EAGAIN && errno != EINTR;
      receiver.bytes.clear();
    }
    if (gone) {
      close(client);
      client = -1;
    }
  }
}
