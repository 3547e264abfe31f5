// The loop over time of flip-flop neurons on a processor, forward and backward; see processor.py.
//
// The sequences are shared out among the threads, which do not wait for each other: each takes its own through all time
// steps. ROWS sequences by LANES units are worked out together, their sums in vector registers. Before this text stand
// GATES and the neuron: update(gates, h) and slopes(gates, h, by_gate, by_state).
//
// Units are in panels of LANES; N of them fill P panels, W = LANES P. Weights are packed so that they are read in order:
//   kernel [P][D][GATES][LANES], recurrent [P][N][GATES][LANES], bias [P][GATES][LANES], transposed [P][GATES W][LANES]
// and so are gates and their gradients: [T][batch][P][GATES][LANES]. Inputs and states lie as layers have them, sequence
// by sequence: [batch][T][D] and [batch][T][W].

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

// As many sums as the registers of the processor hold.
#ifdef __AVX512F__
constexpr int64_t ROWS = 12;
#else
constexpr int64_t ROWS = 3;
#endif
constexpr int64_t LANES = sizeof(lanes) / sizeof(float);

lanes load(const float* from) {
  lanes value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store(float* to, lanes value) { std::memcpy(to, &value, sizeof value); }

// s(x) = 1 / (1 + e^-x)
lanes sigmoid(lanes x) {
  typedef int32_t whole __attribute__((vector_size(sizeof(lanes))));
  // beyond, s(x) is 0 or 1 to the last bit, or nearly
  x = x > 87.0f ? x * 0 + 87.0f : x;
  x = x < -87.0f ? x * 0 - 87.0f : x;
  // e^-x = 2^n e^r, |r| <= ln(2) / 2: n is rounded by adding a number whose last bit is worth 1
  const float rounding = 12582912.0f;
  lanes n = (x * -1.44269504f + rounding) - rounding;
  lanes r = (-x - n * 0.693359375f) + n * 2.12194440e-4f;
  const lanes high = 0.0416664891f + r * (0.00836595334f + r * 0.00139304111f);
  const lanes e = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666657f + r * high)));
  whole power = (__builtin_convertvector(n, whole) + 127) << 23;
  lanes scale;
  std::memcpy(&scale, &power, sizeof scale);
  return 1.0f / (1.0f + e * scale);
}

// sums[row][vector] += sum_k left[k][row] right[k][vector], rows and k of the left one so many numbers apart; each
// vector's numbers of the right one from a place of its own
template <int64_t R, int64_t V>
void add_products(lanes (&sums)[R][V], const float* left, int64_t row_step, int64_t left_step,
                  const float* const (&right)[V], int64_t right_step, int64_t inner) {
  // unrolled and of its own, so that the compiler keeps it in registers
  lanes held[R][V];
#pragma GCC unroll 12
  for (int64_t row = 0; row < R; row++)
#pragma GCC unroll 2
    for (int64_t v = 0; v < V; v++) held[row][v] = sums[row][v];
  for (int64_t k = 0; k < inner; k++) {
    lanes factors[V];
#pragma GCC unroll 2
    for (int64_t v = 0; v < V; v++) factors[v] = load(right[v] + k * right_step);
#pragma GCC unroll 12
    for (int64_t row = 0; row < R; row++)
#pragma GCC unroll 2
      for (int64_t v = 0; v < V; v++) held[row][v] += left[row * row_step + k * left_step] * factors[v];
  }
#pragma GCC unroll 12
  for (int64_t row = 0; row < R; row++)
#pragma GCC unroll 2
    for (int64_t v = 0; v < V; v++) sums[row][v] = held[row][v];
}

// work(number, place), number a constant: all places from begin to end, as many at once as there are registers for
template <class Work>
void in_blocks(int64_t begin, int64_t end, const Work& work) {
  for (; begin + ROWS <= end; begin += ROWS) work(std::integral_constant<int64_t, ROWS>(), begin);
  for (; begin + ROWS / 3 <= end; begin += ROWS / 3) work(std::integral_constant<int64_t, ROWS / 3>(), begin);
  for (; begin < end; begin++) work(std::integral_constant<int64_t, 1>(), begin);
}

struct Sizes {
  int64_t steps, batch, inputs, units, panels;
  int64_t wide() const { return panels * LANES; }
  int64_t gates() const { return panels * GATES * LANES; }
  // a step of a sequence among all steps
  int64_t at(int64_t t, int64_t row) const { return row * steps + t; }
  // h_{t-1} of a sequence
  const float* before(const float* states, const float* first, int64_t t, int64_t row) const {
    return t ? states + at(t - 1, row) * wide() : first + row * wide();
  }
  // from a sequence to the next one, of what before() gives
  int64_t apart(int64_t t) const { return t ? steps * wide() : wide(); }
};

struct Forward {
  Sizes n;
  const float *x, *first, *kernel, *recurrent, *bias, *counts;
  float *states, *gates;

  template <int64_t R>
  void rows(int64_t t, int64_t row, int64_t panel) const {
    const int64_t at = t * n.batch + row, each = GATES * LANES, apart = n.apart(t);
    const float* before = n.before(states, first, t, row);
    const float *with_x[GATES], *with_h[GATES];
    lanes sums[R][GATES];
    for (int64_t g = 0; g < GATES; g++) {
      with_x[g] = kernel + panel * n.inputs * each + g * LANES;
      with_h[g] = recurrent + panel * n.units * each + g * LANES;
      for (int64_t r = 0; r < R; r++) sums[r][g] = load(bias + panel * each + g * LANES);
    }
    // gates_t = s(W_x x_t + b + W_h h_{t-1})
    add_products(sums, x + n.at(t, row) * n.inputs, n.steps * n.inputs, 1, with_x, each, n.inputs);
    add_products(sums, before, apart, 1, with_h, each, n.units);
    for (int64_t r = 0; r < R; r++) {
      lanes h = load(before + r * apart + panel * LANES);
      for (int64_t g = 0; g < GATES; g++) {
        sums[r][g] = sigmoid(sums[r][g]);
        if (gates) store(gates + (at + r) * n.gates() + panel * each + g * LANES, sums[r][g]);
      }
      // h_t = update(gates_t, h_{t-1})
      if (counts[at + r] > 0) h = update(sums[r], h);
      store(states + n.at(t, row + r) * n.wide() + panel * LANES, h);
    }
  }

  void operator()(int64_t begin, int64_t end) const {
    for (int64_t t = 0; t < n.steps; t++)
      for (int64_t panel = 0; panel < n.panels; panel++)
        in_blocks(begin, end, [&](auto number, int64_t row) { rows<number()>(t, row, panel); });
  }
};

// Gradients by weights, of some of the sequences.
struct Slopes {
  std::vector<float> kernel, recurrent, bias;
  explicit Slopes(const Sizes& n)
      : kernel(n.gates() * n.inputs), recurrent(n.gates() * n.units), bias(n.gates()) {}
};

struct Backward {
  Sizes n;
  const float *error, *gates, *states, *x, *first, *transposed, *counts;
  float *dz, *back, *by_kernel, *by_recurrent, *by_bias;
  std::mutex* adding;

  // dz_t, and what of g_t the state before gets at fixed gates
  void slope(int64_t t, int64_t row, int64_t panel, Slopes& sums) const {
    const int64_t at = t * n.batch + row, place = panel * LANES, gate_place = place * GATES;
    float* beyond = back + row * n.wide() + place;
    // g_t = e_t + what comes from the step after
    const lanes g = load(error + n.at(t, row) * n.wide() + place) + load(beyond);
    lanes values[GATES], by_gate[GATES], by_state;
    for (int64_t gate = 0; gate < GATES; gate++)
      values[gate] = load(gates + at * n.gates() + gate_place + gate * LANES);
    slopes(values, load(n.before(states, first, t, row) + place), by_gate, by_state);
    const bool now = counts[at] > 0;
    for (int64_t gate = 0; gate < GATES; gate++) {
      // dz_t = (d h_t / d gate_t) g_t gate_t (1 - gate_t)
      lanes found = by_gate[gate] * g * (values[gate] - values[gate] * values[gate]);
      found = now ? found : found * 0;
      store(dz + at * n.gates() + gate_place + gate * LANES, found);
      // db = sum_t dz_t
      float* sum = sums.bias.data() + gate_place + gate * LANES;
      store(sum, load(sum) + found);
    }
    // c_t g_t
    store(beyond, now ? by_state * g : g);
  }

  // + W_h^T dz_t, V panels of units
  template <int64_t V>
  void to_state(int64_t t, int64_t begin, int64_t end, int64_t panel) const {
    const float* right[V];
    for (int64_t v = 0; v < V; v++) right[v] = transposed + (panel + v) * n.gates() * LANES;
    in_blocks(begin, end, [&](auto number, int64_t row) {
      lanes sums[number()][V];
      float* beyond = back + row * n.wide() + panel * LANES;
      for (int64_t r = 0; r < number(); r++)
        for (int64_t v = 0; v < V; v++) sums[r][v] = load(beyond + r * n.wide() + v * LANES);
      const float* left = dz + (t * n.batch + row) * n.gates();
      add_products(sums, left, n.gates(), 1, right, LANES, n.gates());
      for (int64_t r = 0; r < number(); r++)
        for (int64_t v = 0; v < V; v++) store(beyond + r * n.wide() + v * LANES, sums[r][v]);
    });
  }

  // sums += left_t^T dz_t, of a left one with so many numbers, each row so many apart
  void to_weights(int64_t t, int64_t begin, int64_t end, const float* left, int64_t numbers, int64_t apart,
                  float* sums_of_all) const {
    for (int64_t panel = 0; panel < n.panels; panel++) {
      const float* right[GATES];
      for (int64_t g = 0; g < GATES; g++)
        right[g] = dz + (t * n.batch + begin) * n.gates() + (panel * GATES + g) * LANES;
      in_blocks(0, numbers, [&](auto number, int64_t place) {
        lanes sums[number()][GATES];
        float* at = sums_of_all + (panel * numbers + place) * GATES * LANES;
        for (int64_t r = 0; r < number(); r++)
          for (int64_t g = 0; g < GATES; g++) sums[r][g] = load(at + (r * GATES + g) * LANES);
        add_products(sums, left + place, 1, apart, right, n.gates(), end - begin);
        for (int64_t r = 0; r < number(); r++)
          for (int64_t g = 0; g < GATES; g++) store(at + (r * GATES + g) * LANES, sums[r][g]);
      });
    }
  }

  void operator()(int64_t begin, int64_t end) const {
    Slopes sums(n);
    // h_{t-1} of all sequences in one place: read many times, from pages far apart
    std::vector<float> before((end - begin) * n.wide());
    std::fill(back + begin * n.wide(), back + end * n.wide(), 0.0f);
    for (int64_t t = n.steps - 1; t >= 0; t--) {
      for (int64_t row = begin; row < end; row++)
        for (int64_t panel = 0; panel < n.panels; panel++) slope(t, row, panel, sums);
      int64_t panel = 0;
      for (; panel + 1 < n.panels; panel += 2) to_state<2>(t, begin, end, panel);
      for (; panel < n.panels; panel++) to_state<1>(t, begin, end, panel);
      // dW_x = sum_t x_t^T dz_t      dW_h = sum_t h_{t-1}^T dz_t
      to_weights(t, begin, end, x + n.at(t, begin) * n.inputs, n.inputs, n.steps * n.inputs, sums.kernel.data());
      for (int64_t row = begin; row < end; row++)
        std::copy_n(n.before(states, first, t, row), n.wide(), before.data() + (row - begin) * n.wide());
      to_weights(t, begin, end, before.data(), n.units, n.wide(), sums.recurrent.data());
    }
    const std::lock_guard<std::mutex> alone(*adding);
    const auto add = [](const std::vector<float>& from, float* to) {
      for (size_t i = 0; i < from.size(); i++) to[i] += from[i];
    };
    add(sums.kernel, by_kernel);
    add(sums.recurrent, by_recurrent);
    add(sums.bias, by_bias);
  }
};

// All sequences, on as many threads as this process may use processors.
template <class Pass>
void share(const Pass& pass, int64_t batch) {
  cpu_set_t allowed;
  const int64_t processors = sched_getaffinity(0, sizeof allowed, &allowed) ? 1 : CPU_COUNT(&allowed);
  const int64_t blocks = (batch + ROWS - 1) / ROWS, threads = std::max<int64_t>(1, std::min(processors, blocks));
  std::vector<std::thread> others;
  auto from = [&](int64_t thread) { return std::min(batch, blocks * thread / threads * ROWS); };
  for (int64_t thread = 1; thread < threads; thread++)
    others.emplace_back([&, thread] { pass(from(thread), from(thread + 1)); });
  pass(0, from(1));
  for (auto& thread : others) thread.join();
}

using In = ffi::Buffer<ffi::F32>;
using Out = ffi::ResultBuffer<ffi::F32>;

Sizes sizes(ffi::Span<const int64_t> states, In x, int64_t units) {
  return {states[1], states[0], x.dimensions()[2], units, states[2] / LANES};
}

ffi::Error forward(int64_t units, In x, In first, In kernel, In recurrent, In bias, In counts, Out states, Out gates) {
  const Sizes n = sizes(states->dimensions(), x, units);
  float* kept = gates->element_count() ? gates->typed_data() : nullptr;
  share(Forward{n, x.typed_data(), first.typed_data(), kernel.typed_data(), recurrent.typed_data(),
                bias.typed_data(), counts.typed_data(), states->typed_data(), kept},
        n.batch);
  return ffi::Error::Success();
}

ffi::Error backward(int64_t units, In error, In gates, In states, In x, In first, In transposed, In counts, Out dz,
                    Out back, Out by_kernel, Out by_recurrent, Out by_bias) {
  const Sizes n = sizes(states.dimensions(), x, units);
  std::mutex adding;
  for (Out* sum : {&by_kernel, &by_recurrent, &by_bias})
    std::fill_n((*sum)->typed_data(), (*sum)->element_count(), 0.0f);
  share(Backward{n, error.typed_data(), gates.typed_data(), states.typed_data(), x.typed_data(), first.typed_data(),
                 transposed.typed_data(), counts.typed_data(), dz->typed_data(), back->typed_data(),
                 by_kernel->typed_data(), by_recurrent->typed_data(), by_bias->typed_data(), &adding},
        n.batch);
  return ffi::Error::Success();
}

}  // namespace

#define IN Arg<In>()
#define OUT Ret<ffi::Buffer<ffi::F32>>()
XLA_FFI_DEFINE_HANDLER_SYMBOL(flip_flop_forward, forward,
                              ffi::Ffi::Bind().Attr<int64_t>("units").IN.IN.IN.IN.IN.IN.OUT.OUT);
XLA_FFI_DEFINE_HANDLER_SYMBOL(flip_flop_backward, backward,
                              ffi::Ffi::Bind().Attr<int64_t>("units").IN.IN.IN.IN.IN.IN.IN.OUT.OUT.OUT.OUT.OUT);
