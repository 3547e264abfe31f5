// A board in simulation: the serial pins of its top level as a TCP socket. See serial.h.

#define SERIAL_START(top)
#define SERIAL_CLOCK(top) top->clk
#include "serial.h"

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: driver PORT CYCLES\n"), 1;
  return serve_serial(argv[1], argv[2]);
}
