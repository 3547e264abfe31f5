/* A negative number's >> is taken to round towards minus infinity, as compilers have it and C23 asks for. */

static inline num clip(num v, num low, num high) { return v < low ? low : v > high ? high : v; }

/* (v + half) >> shift */
static inline num rounded(num v, int shift) { return (v + (((num)1 << shift) >> 1)) >> shift; }

/* round((G one + (M - G) zero) / M) of codes of Unorm(bits): (u + (u >> b)) >> b with u = t + 2^(b-1) */
static inline num interpolate(num gate, num one, num zero, int bits) {
  const num u = gate * one + ((((num)1 << bits) - 1) - gate) * zero + ((num)1 << (bits - 1));
  return (u + (u >> bits)) >> bits;
}

/* the same of codes of Fixed(bits, bits - 1), raised so that none is negative */
static inline num interpolate_signed(num gate, num one, num zero, int bits) {
  const num raised = (num)1 << (bits - 1);
  return interpolate(gate, one + raised, zero + raised, bits) - raised;
}

/* numerator of a gate over 2^bits */
static inline num weight(num gate, int bits) { return gate + (gate >> (bits - 1)); }

/* acc[u] = sum over e of w[e][u] x[e] */
#define PRODUCTS(acc, w, x, elements, sums)                                         \
  do {                                                                              \
    for (int u = 0; u < (sums); u++) (acc)[u] = 0;                                  \
    for (int e = 0; e < (elements); e++)                                            \
      for (int u = 0; u < (sums); u++) (acc)[u] += (w)[e * (sums) + u] * (x)[e];    \
  } while (0)
