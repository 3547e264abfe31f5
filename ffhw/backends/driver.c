
/* Sequences of a batch, one after the other: codes [batch, steps, inputs], states [batch, state codes] in and out,
   outputs [batch, answers, outputs]. Returns 0, or 1 where there is no memory. */
#include <stdlib.h>

int ffhw_run(int64_t batch, int64_t steps, int64_t answers, const int32_t *codes, const int32_t *lengths,
             int32_t *states, int32_t *outputs) {
  ffhw_net *net = calloc(1, sizeof *net);
  if (!net) return 1;
  for (int64_t b = 0; b < batch; b++) {
    ffhw_reset(net);
    ffhw_load(net, states + b * STATES);
    net->answer = outputs + b * answers * OUTPUTS;
    for (int64_t t = 0; t < lengths[b]; t++) ffhw_step(net, codes + (b * steps + t) * INPUTS);
    ffhw_end(net);
    ffhw_save(net, states + b * STATES);
  }
  free(net);
  return 0;
}
