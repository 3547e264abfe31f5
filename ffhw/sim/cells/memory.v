// A block RAM of 2048 bytes of 9 bits with two ports, as ECP5 and Gowin have it: common ground of their cells' models.
//
// A port of 1, 2 or 4 bits (8, 16 or 32 with NINTH 0) does not see the ninth bits. A port of 16 or more bits has write
// enables of its bytes in the lowest bits of its address. What one port reads while the other one writes it is not
// defined; the model gives the complement of the old value.
module FFHW_MEMORY #(
  parameter WIDTH_A = 18, parameter WIDTH_B = 18,
  parameter STRIDE = 18,            // bits of INIT for each two bytes
  parameter NINTH = 1,              // INIT has the ninth bits
  parameter NEW_A = 0, parameter OLD_A = 0,  // what a port reads while it writes; neither: what it read before
  parameter NEW_B = 0, parameter OLD_B = 0,
  parameter [1024*STRIDE-1:0] INIT = 0
) (
  input clk_a, en_a, we_a, input [13:0] address_a, input [35:0] in_a, output reg [35:0] out_a,
  input clk_b, en_b, we_b, input [13:0] address_b, input [35:0] in_b, output reg [35:0] out_b
);
  reg [8:0] bytes [0:2047];
  integer n;
  initial begin
    for (n = 0; n < 2048; n = n + 1)
      bytes[n] = NINTH ? INIT[(n / 2) * STRIDE + (n % 2) * 9 +: 9] : {1'b0, INIT[n * 8 +: 8]};
    out_a = 0;
    out_b = 0;
  end

  function [3:0] enables(input integer width, input [13:0] address);
    enables = width >= 32 ? address[3:0] : width >= 16 ? {2'b0, address[1:0]} : 4'b1;
  endfunction

  // first of the bytes that an address names
  function [10:0] place(input integer width, input [13:0] address);
    place = width >= 32 ? {address[13:5], 2'b0} : width >= 16 ? {address[13:4], 1'b0} : address[13:3];
  endfunction

  function [35:0] pick(input integer width, input [13:0] address, input [35:0] word);
    case (width)
      1: pick = {35'b0, word[{3'b0, address[2:0]}]};
      2: pick = {34'b0, word[{3'b0, address[2:1], 1'b0} +: 2]};
      4: pick = {32'b0, word[{3'b0, address[2], 2'b0} +: 4]};
      8: pick = {28'b0, word[7:0]};
      9: pick = {27'b0, word[8:0]};
      16: pick = {20'b0, word[16:9], word[7:0]};
      18: pick = {18'b0, word[17:0]};
      32: pick = {4'b0, word[34:27], word[25:18], word[16:9], word[7:0]};
      default: pick = word;
    endcase
  endfunction

  // the bytes after writing: those not enabled keep what they hold
  function [35:0] put(input integer width, input [13:0] address, input [35:0] word, input [35:0] data);
    integer i;
    begin
      put = word;
      case (width)
        1: put[{3'b0, address[2:0]}] = data[0];
        2: put[{3'b0, address[2:1], 1'b0} +: 2] = data[1:0];
        4: put[{3'b0, address[2], 2'b0} +: 4] = data[3:0];
        8, 16, 32: for (i = 0; i < width / 8; i = i + 1)
          if (width == 8 || address[i]) put[i * 9 +: 8] = data[i * 8 +: 8];
        default: for (i = 0; i < width / 9; i = i + 1)
          if (width == 9 || address[i]) put[i * 9 +: 9] = data[i * 9 +: 9];
      endcase
    end
  endfunction

  wire [10:0] at_a = place(WIDTH_A, address_a);
  wire [10:0] at_b = place(WIDTH_B, address_b);
  wire [35:0] old_a = {bytes[at_a | 11'd3], bytes[at_a | 11'd2], bytes[at_a | 11'd1], bytes[at_a]};
  wire [35:0] old_b = {bytes[at_b | 11'd3], bytes[at_b | 11'd2], bytes[at_b | 11'd1], bytes[at_b]};
  wire [35:0] next_a = put(WIDTH_A, address_a, old_a, in_a);
  wire [35:0] next_b = put(WIDTH_B, address_b, old_b, in_b);
  wire writes_a = en_a & we_a & |enables(WIDTH_A, address_a);
  wire writes_b = en_b & we_b & |enables(WIDTH_B, address_b);
  // words of unequal width overlap where the wider one is the same
  localparam WIDEST = WIDTH_A > WIDTH_B ? WIDTH_A : WIDTH_B;
  localparam SKIP = WIDEST >= 32 ? 5 : WIDEST >= 16 ? 4 : WIDEST >= 8 ? 3 : WIDEST >= 4 ? 2 : WIDEST >= 2 ? 1 : 0;
  wire same = address_a >> SKIP == address_b >> SKIP;
  wire [3:0] written_a = same && writes_a ? enables(WIDTH_A, address_a) : 4'b0;
  wire [3:0] written_b = same && writes_b ? enables(WIDTH_B, address_b) : 4'b0;

  // which of the bytes that one port names the other one writes
  function [35:0] clash(input [10:0] at, input [10:0] other, input [3:0] written);
    integer i, k;
    begin
      clash = 36'b0;
      for (i = 0; i < 4; i = i + 1)
        for (k = 0; k < 4; k = k + 1)
          if (written[k] && at + i == other + k) clash[i * 9 +: 9] = 9'h1ff;
    end
  endfunction
  wire [35:0] seen_a = old_a ^ clash(at_a, at_b, written_b);
  wire [35:0] seen_b = old_b ^ clash(at_b, at_a, written_a);

  integer i;
  always @(posedge clk_a) begin
    if (writes_a)
      for (i = 0; i < (WIDTH_A >= 32 ? 4 : WIDTH_A >= 16 ? 2 : 1); i = i + 1)
        bytes[at_a + i] <= next_a[i * 9 +: 9];
    if (en_a && (!we_a || NEW_A || OLD_A))
      out_a <= pick(WIDTH_A, address_a, we_a && NEW_A ? next_a : seen_a);
  end
  integer k;
  always @(posedge clk_b) begin
    if (writes_b)
      for (k = 0; k < (WIDTH_B >= 32 ? 4 : WIDTH_B >= 16 ? 2 : 1); k = k + 1)
        bytes[at_b + k] <= next_b[k * 9 +: 9];
    if (en_b && (!we_b || NEW_B || OLD_B))
      out_b <= pick(WIDTH_B, address_b, we_b && NEW_B ? next_b : seen_b);
  end
endmodule

// The 64 parameters of W bits in which these cells take what they hold at the start, and all of them as one number.
`define FFHW_INITS(P, W) \
  parameter [(W)-1:0] P``00 = 0, parameter [(W)-1:0] P``01 = 0, \
  parameter [(W)-1:0] P``02 = 0, parameter [(W)-1:0] P``03 = 0, \
  parameter [(W)-1:0] P``04 = 0, parameter [(W)-1:0] P``05 = 0, \
  parameter [(W)-1:0] P``06 = 0, parameter [(W)-1:0] P``07 = 0, \
  parameter [(W)-1:0] P``08 = 0, parameter [(W)-1:0] P``09 = 0, \
  parameter [(W)-1:0] P``0A = 0, parameter [(W)-1:0] P``0B = 0, \
  parameter [(W)-1:0] P``0C = 0, parameter [(W)-1:0] P``0D = 0, \
  parameter [(W)-1:0] P``0E = 0, parameter [(W)-1:0] P``0F = 0, \
  parameter [(W)-1:0] P``10 = 0, parameter [(W)-1:0] P``11 = 0, \
  parameter [(W)-1:0] P``12 = 0, parameter [(W)-1:0] P``13 = 0, \
  parameter [(W)-1:0] P``14 = 0, parameter [(W)-1:0] P``15 = 0, \
  parameter [(W)-1:0] P``16 = 0, parameter [(W)-1:0] P``17 = 0, \
  parameter [(W)-1:0] P``18 = 0, parameter [(W)-1:0] P``19 = 0, \
  parameter [(W)-1:0] P``1A = 0, parameter [(W)-1:0] P``1B = 0, \
  parameter [(W)-1:0] P``1C = 0, parameter [(W)-1:0] P``1D = 0, \
  parameter [(W)-1:0] P``1E = 0, parameter [(W)-1:0] P``1F = 0, \
  parameter [(W)-1:0] P``20 = 0, parameter [(W)-1:0] P``21 = 0, \
  parameter [(W)-1:0] P``22 = 0, parameter [(W)-1:0] P``23 = 0, \
  parameter [(W)-1:0] P``24 = 0, parameter [(W)-1:0] P``25 = 0, \
  parameter [(W)-1:0] P``26 = 0, parameter [(W)-1:0] P``27 = 0, \
  parameter [(W)-1:0] P``28 = 0, parameter [(W)-1:0] P``29 = 0, \
  parameter [(W)-1:0] P``2A = 0, parameter [(W)-1:0] P``2B = 0, \
  parameter [(W)-1:0] P``2C = 0, parameter [(W)-1:0] P``2D = 0, \
  parameter [(W)-1:0] P``2E = 0, parameter [(W)-1:0] P``2F = 0, \
  parameter [(W)-1:0] P``30 = 0, parameter [(W)-1:0] P``31 = 0, \
  parameter [(W)-1:0] P``32 = 0, parameter [(W)-1:0] P``33 = 0, \
  parameter [(W)-1:0] P``34 = 0, parameter [(W)-1:0] P``35 = 0, \
  parameter [(W)-1:0] P``36 = 0, parameter [(W)-1:0] P``37 = 0, \
  parameter [(W)-1:0] P``38 = 0, parameter [(W)-1:0] P``39 = 0, \
  parameter [(W)-1:0] P``3A = 0, parameter [(W)-1:0] P``3B = 0, \
  parameter [(W)-1:0] P``3C = 0, parameter [(W)-1:0] P``3D = 0, \
  parameter [(W)-1:0] P``3E = 0, parameter [(W)-1:0] P``3F = 0,
`define FFHW_ALL(P) { \
  P``3F, P``3E, P``3D, P``3C, P``3B, P``3A, P``39, P``38, \
  P``37, P``36, P``35, P``34, P``33, P``32, P``31, P``30, \
  P``2F, P``2E, P``2D, P``2C, P``2B, P``2A, P``29, P``28, \
  P``27, P``26, P``25, P``24, P``23, P``22, P``21, P``20, \
  P``1F, P``1E, P``1D, P``1C, P``1B, P``1A, P``19, P``18, \
  P``17, P``16, P``15, P``14, P``13, P``12, P``11, P``10, \
  P``0F, P``0E, P``0D, P``0C, P``0B, P``0A, P``09, P``08, \
  P``07, P``06, P``05, P``04, P``03, P``02, P``01, P``00}
