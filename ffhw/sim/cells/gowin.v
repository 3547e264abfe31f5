// Models of Gowin cells that yosys' own library leaves empty, for what its inference makes of them; written from the
// documented behaviour. What they do not cover is refused by ffhw/sim/cells.py.

// Multipliers without registers.
module MULT9X9 (
  input [8:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET, output [17:0] DOUT
);
  wire signed [17:0] wide_a = {{9{ASIGN & A[8]}}, A};
  wire signed [17:0] wide_b = {{9{BSIGN & B[8]}}, B};
  assign DOUT = wide_a * wide_b;
endmodule

module MULT18X18 (
  input [17:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET, output [35:0] DOUT
);
  wire signed [35:0] wide_a = {{18{ASIGN & A[17]}}, A};
  wire signed [35:0] wide_b = {{18{BSIGN & B[17]}}, B};
  assign DOUT = wide_a * wide_b;
endmodule

// Block RAMs without output registers and without reset: one port; two ports; one that writes (port A) and one that
// reads. Those called X9 have words of 9, 18 or 36 bits, the others of 1, 2, 4, 8, 16 or 32.
module SP #(
  `FFHW_INITS(INIT_RAM_, 256)
  parameter READ_MODE = 0, parameter WRITE_MODE = 0, parameter BIT_WIDTH = 32, parameter BLK_SEL = 0,
  parameter RESET_MODE = "SYNC"
) (
  input [31:0] DI, input [2:0] BLKSEL, input [13:0] AD, input WRE, CLK, CE, OCE, RESET, output [31:0] DO
);
  wire [35:0] out;
  FFHW_MEMORY #(.WIDTH_A(BIT_WIDTH), .WIDTH_B(BIT_WIDTH), .STRIDE(16), .NINTH(0),
                .NEW_A(WRITE_MODE == 1), .OLD_A(WRITE_MODE == 2), .INIT(`FFHW_ALL(INIT_RAM_))) memory (
    .clk_a(CLK), .en_a(CE), .we_a(WRE), .address_a(AD), .in_a({4'b0, DI}), .out_a(out),
    .clk_b(1'b0), .en_b(1'b0), .we_b(1'b0), .address_b(14'b0), .in_b(36'b0), .out_b());
  assign DO = out[31:0];
endmodule

module SPX9 #(
  `FFHW_INITS(INIT_RAM_, 288)
  parameter READ_MODE = 0, parameter WRITE_MODE = 0, parameter BIT_WIDTH = 36, parameter BLK_SEL = 0,
  parameter RESET_MODE = "SYNC"
) (
  input [35:0] DI, input [2:0] BLKSEL, input [13:0] AD, input WRE, CLK, CE, OCE, RESET, output [35:0] DO
);
  wire [35:0] out;
  FFHW_MEMORY #(.WIDTH_A(BIT_WIDTH), .WIDTH_B(BIT_WIDTH), .STRIDE(18), .NINTH(1),
                .NEW_A(WRITE_MODE == 1), .OLD_A(WRITE_MODE == 2), .INIT(`FFHW_ALL(INIT_RAM_))) memory (
    .clk_a(CLK), .en_a(CE), .we_a(WRE), .address_a(AD), .in_a(DI), .out_a(out),
    .clk_b(1'b0), .en_b(1'b0), .we_b(1'b0), .address_b(14'b0), .in_b(36'b0), .out_b());
  assign DO = out[35:0];
endmodule

module DPB #(
  `FFHW_INITS(INIT_RAM_, 256)
  parameter READ_MODE0 = 0, parameter READ_MODE1 = 0, parameter WRITE_MODE0 = 0, parameter WRITE_MODE1 = 0,
  parameter BIT_WIDTH_0 = 16, parameter BIT_WIDTH_1 = 16, parameter BLK_SEL_0 = 0, parameter BLK_SEL_1 = 0,
  parameter RESET_MODE = "SYNC"
) (
  input [15:0] DIA, DIB, input [2:0] BLKSELA, BLKSELB, input [13:0] ADA, ADB, input WREA, WREB, CLKA, CLKB, CEA, CEB,
  input OCEA, OCEB, RESETA, RESETB, output [15:0] DOA, DOB
);
  wire [35:0] out_a, out_b;
  FFHW_MEMORY #(.WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .STRIDE(16), .NINTH(0),
                .NEW_A(WRITE_MODE0 == 1), .OLD_A(WRITE_MODE0 == 2), .NEW_B(WRITE_MODE1 == 1), .OLD_B(WRITE_MODE1 == 2),
                .INIT(`FFHW_ALL(INIT_RAM_))) memory (
    .clk_a(CLKA), .en_a(CEA), .we_a(WREA), .address_a(ADA), .in_a({20'b0, DIA}), .out_a(out_a),
    .clk_b(CLKB), .en_b(CEB), .we_b(WREB), .address_b(ADB), .in_b({20'b0, DIB}), .out_b(out_b));
  assign DOA = out_a[15:0];
  assign DOB = out_b[15:0];
endmodule

module DPX9B #(
  `FFHW_INITS(INIT_RAM_, 288)
  parameter READ_MODE0 = 0, parameter READ_MODE1 = 0, parameter WRITE_MODE0 = 0, parameter WRITE_MODE1 = 0,
  parameter BIT_WIDTH_0 = 18, parameter BIT_WIDTH_1 = 18, parameter BLK_SEL_0 = 0, parameter BLK_SEL_1 = 0,
  parameter RESET_MODE = "SYNC"
) (
  input [17:0] DIA, DIB, input [2:0] BLKSELA, BLKSELB, input [13:0] ADA, ADB, input WREA, WREB, CLKA, CLKB, CEA, CEB,
  input OCEA, OCEB, RESETA, RESETB, output [17:0] DOA, DOB
);
  wire [35:0] out_a, out_b;
  FFHW_MEMORY #(.WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .STRIDE(18), .NINTH(1),
                .NEW_A(WRITE_MODE0 == 1), .OLD_A(WRITE_MODE0 == 2), .NEW_B(WRITE_MODE1 == 1), .OLD_B(WRITE_MODE1 == 2),
                .INIT(`FFHW_ALL(INIT_RAM_))) memory (
    .clk_a(CLKA), .en_a(CEA), .we_a(WREA), .address_a(ADA), .in_a({18'b0, DIA}), .out_a(out_a),
    .clk_b(CLKB), .en_b(CEB), .we_b(WREB), .address_b(ADB), .in_b({18'b0, DIB}), .out_b(out_b));
  assign DOA = out_a[17:0];
  assign DOB = out_b[17:0];
endmodule

module SDPX9B #(
  `FFHW_INITS(INIT_RAM_, 288)
  parameter READ_MODE = 0, parameter BIT_WIDTH_0 = 36, parameter BIT_WIDTH_1 = 36, parameter BLK_SEL_0 = 0,
  parameter BLK_SEL_1 = 0, parameter RESET_MODE = "SYNC"
) (
  input [35:0] DI, input [2:0] BLKSELA, BLKSELB, input [13:0] ADA, ADB, input CLKA, CLKB, CEA, CEB, OCE, RESETA, RESETB,
  output [35:0] DO
);
  wire [35:0] out;
  FFHW_MEMORY #(.WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .STRIDE(18), .NINTH(1),
                .INIT(`FFHW_ALL(INIT_RAM_))) memory (
    .clk_a(CLKA), .en_a(CEA), .we_a(1'b1), .address_a(ADA), .in_a(DI), .out_a(),
    .clk_b(CLKB), .en_b(CEB), .we_b(1'b0), .address_b(ADB), .in_b(36'b0), .out_b(out));
  assign DO = out[35:0];
endmodule
