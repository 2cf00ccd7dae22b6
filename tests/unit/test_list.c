/* The list of payments: what is read, what is refused and on which line, and the hash
 * of the plan that comes of it. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "codec/eip55.h"
#include "crypto/sha256.h"
#include "kinds/airdrop/list.h"
#include "kinds/airdrop/plan_hash.h"
#include "own_folder.h"

#define A1 "0x1111111111111111111111111111111111111111"
#define A2 "0x2222222222222222222222222222222222222222"
#define A3 "0x3333333333333333333333333333333333333333"
#define ZERO "0x0000000000000000000000000000000000000000"
#define SENDER "0x9999999999999999999999999999999999999999"
#define TOKEN "0x7070707070707070707070707070707070707070"
#define MIXED "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" /* of EIP-55 itself */
#define H "address,amount\n"
#define HM "address,amount,memo\n"
#define MAX_256 \
	"115792089237316195423570985008687907853269984665640564039457584007913129639935"

static char file[80];

static int folder_make(void **state)
{
	if (own_folder_make(state))
		return -1;
	snprintf(file, sizeof file, "%s/list", own_folder);
	return 0;
}

static void file_put(const void *data, size_t len)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* -- what one reading gave ------------------------------------------------- */

struct reading {
	struct list_rules rules;
	enum err e, each; /* each: what the callback answers */
	struct fail f;
	struct list_sum sum;
	struct list_problems problems;
	struct buf rows, said; /* one line each */
};

static struct reading reading_new(void)
{
	struct reading g = { .rules = { .decimals = 6, .judge = true } };

	memset(g.rules.sender.at, 0x99, 20);
	memset(g.rules.token_address.at, 0x70, 20);
	buf_init(&g.rows, 64U << 20);
	buf_init(&g.said, 1U << 20);
	return g;
}

static void reading_free(struct reading *g)
{
	list_problems_release(&g->problems);
	buf_release(&g->rows);
	buf_release(&g->said);
}

static enum err row_note(void *ctx, const struct list_row *row, struct fail *f)
{
	struct reading *g = ctx;
	char amount[AMOUNT_TEXT_MAX];
	uint32_t head;

	memcpy(&head, row->to.at, sizeof head);
	amount_format(amount, &row->amount, 0);
	buf_addf(&g->rows, "%" PRId64 "@%" PRId64 " %08x %s", row->row, row->line,
	    __builtin_bswap32(head), amount);
	if (row->memo)
		buf_addf(&g->rows, " [%.*s]", (int)row->memo_len, row->memo);
	buf_add_byte(&g->rows, '\n');
	return g->each == ERR_OK ? ERR_OK : fail_set(f, g->each, "the reader of rows");
}

static void read_it(struct reading *g, const void *data, size_t len)
{
	file_put(data, len);
	g->e = list_read(&g->sum, &g->problems, file, &g->rules, row_note, g, &g->f);
	for (int64_t i = 0; i < g->problems.n; i++)
		buf_addf(&g->said, "%" PRId64 ": %s\n", g->problems.at[i].line,
		    g->problems.at[i].text);
}

static void check_rows(const char *text, size_t len, const char *rows)
{
	struct reading g = reading_new();

	read_it(&g, text, len);
	assert_string_equal(buf_text(&g.said), "");
	assert_string_equal(buf_text(&g.rows), rows);
	assert_int_equal(g.e, ERR_OK);
	reading_free(&g);
}

static void check_said_by(
    const struct list_rules *rules, const char *text, size_t len, const char *said)
{
	struct reading g = reading_new();

	if (rules)
		g.rules = *rules;
	read_it(&g, text, len);
	assert_string_equal(buf_text(&g.said), said);
	assert_int_equal(g.e, ERR_INPUT);
	assert_int_equal(g.f.err, ERR_INPUT);
	reading_free(&g);
}

#define ROWS(text, rows) check_rows(text, sizeof(text) - 1, rows)
#define SAID(text, said) check_said_by(NULL, text, sizeof(text) - 1, said)

/* -- CSV: what is read ----------------------------------------------------- */

static void csv_rows(void **state)
{
	(void)state;
	ROWS(H A1 ",1.5\n" A2 ",0.000001\n", "1@2 11111111 1500000\n2@3 22222222 1\n");
	ROWS(H A1 ",7", "1@2 11111111 7000000\n"); /* the last line need not end */
	ROWS(HM A1 ",1,hello\n" A2 ",2,\n",
	    "1@2 11111111 1000000 [hello]\n2@3 22222222 2000000\n");
	ROWS("memo,amount,address\n a b ,1," A1 "\n", "1@2 11111111 1000000 [ a b ]\n");
	ROWS(H MIXED ",1\n", "1@2 5aaeb605 1000000\n");
	ROWS(
	    H "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed,1\n", "1@2 5aaeb605 1000000\n");
}

static void csv_line_ends_and_mark(void **state)
{
	(void)state;
	ROWS("\xef\xbb\xbf" H A1 ",1\n", "1@2 11111111 1000000\n");
	ROWS("address,amount\r\n" A1 ",1\r\n" A2 ",2\r\n",
	    "1@2 11111111 1000000\n2@3 22222222 2000000\n");
	ROWS("\n\r\n" H "\n" A1 ",1\n\n\r\n" A2 ",2\n\n",
	    "1@5 11111111 1000000\n2@8 22222222 2000000\n");
}

static void csv_quotes(void **state)
{
	(void)state;
	ROWS(HM A1 ",1,\"a,b\"\n", "1@2 11111111 1000000 [a,b]\n");
	ROWS(HM A1 ",1,\"say \"\"hi\"\"\"\n", "1@2 11111111 1000000 [say \"hi\"]\n");
	ROWS("\"address\",\"amount\"\n\"" A1 "\",\"1\"\n", "1@2 11111111 1000000\n");
	ROWS(HM A1 ",1,\"a\nb\r\n\nc\"\r\n" A2 ",2,x\n",
	    "1@2 11111111 1000000 [a\nb\r\n\nc]\n2@6 22222222 2000000 [x]\n");
	ROWS(HM A1 ",1,\"\"\n", "1@2 11111111 1000000\n");
	ROWS(HM A1 ",1,\"gr\xc3\xbc\xc3\x9f\"\n",
	    "1@2 11111111 1000000 [gr\xc3\xbc\xc3\x9f]\n");
}

static void base_units(void **state)
{
	struct reading g = reading_new();

	(void)state;
	g.rules.base_units = true;
	read_it(&g, H A1 ",15\n", strlen(H A1 ",15\n"));
	assert_string_equal(buf_text(&g.rows), "1@2 11111111 15\n");
	check_said_by(&g.rules, H A1 ",1.5\n" A2 ",1e3\n",
	    strlen(H A1 ",1.5\n" A2 ",1e3\n"),
	    "2: the amount \"1.5\" is not an integer (digits only, in base units)\n"
	    "3: the amount \"1e3\" is not an integer (digits only, in base units)\n");
	reading_free(&g);
}

/* -- CSV: what is refused -------------------------------------------------- */

static void csv_header_refused(void **state)
{
	(void)state;
	SAID("address\n" A1 "\n", "1: the column amount is missing\n");
	SAID("memo\n" A1 "\n",
	    "1: the column address is missing\n1: the column amount is missing\n");
	SAID("\naddress,amount,amount,address\n",
	    "2: the column amount is there twice\n"
	    "2: the column address is there twice\n");
	SAID("address,amount,email\n",
	    "1: unknown column \"email\"; there are address, amount and memo\n");
	SAID("Address, amount,nemo\n" A1 ",1,\n",
	    "1: unknown column \"Address\"; did you mean \"address\"?\n"
	    "1: unknown column \" amount\"; did you mean \"amount\"?\n"
	    "1: unknown column \"nemo\"; did you mean \"memo\"?\n");
	SAID("address,amuont,x\n" A1 ",0,\n" A2 ",1\n",
	    "1: unknown column \"amuont\"; did you mean \"amount\"?\n"
	    "1: unknown column \"x\"; there are address, amount and memo\n"
	    "2: the amount is zero\n3: the row has 2 fields, the header has 3\n");
	SAID("address\n" A1 "\n0x12\n",
	    "1: the column amount is missing\n"
	    "3: \"0x12\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID(A1 ",1.5\n",
	    "1: there is no header; the first line is address,amount[,memo]\n");
	SAID("address;amount\n", "1: fields are separated by commas\n");
	SAID("address\tamount\n", "1: fields are separated by commas\n");
	SAID("address,amount,\x1b[2J\n",
	    "1: unknown column \"?[2J\"; there are address, amount and memo\n");
	SAID("address,amount,\xff\n",
	    "1: bad UTF-8\n"
	    "1: unknown column \"?\"; there are address, amount and memo\n");
	SAID("address,amount,memo,memo,memo,memo,memo,memo,memo,memo,memo,memo,memo,memo,"
	     "memo,memo,memo\n",
	    "1: the column memo is there twice\n1: the column memo is there twice\n"
	    "1: the column memo is there twice\n1: the column memo is there twice\n"
	    "1: the column memo is there twice\n1: the column memo is there twice\n"
	    "1: the column memo is there twice\n1: the column memo is there twice\n"
	    "1: the column memo is there twice\n1: the column memo is there twice\n"
	    "1: the column memo is there twice\n1: the column memo is there twice\n"
	    "1: the column memo is there twice\n1: the header has 17 columns\n");
}

static void csv_shape_refused(void **state)
{
	(void)state;
	SAID("", "0: the file is empty\n");
	SAID("\n\n", "0: the list has no rows\n");
	SAID(H, "0: the list has no rows\n");
	SAID("\xff\xfe"
	     "a\0",
	    "0: the file is UTF-16; save it as UTF-8\n");
	SAID("\xfe\xff\0a", "0: the file is UTF-16; save it as UTF-8\n");
	SAID(H A1 "\n" A2 ",1,x\n" A3 ",1\n",
	    "2: the row has 1 field, the header has 2\n"
	    "3: the row has 3 fields, the header has 2\n");
	SAID(HM A1 ",1\n", "2: the row has 2 fields, the header has 3\n");
	SAID(H "  \n",
	    "2: the row has 1 field, the header has 2\n"
	    "2: \"  \" is not an address (0x and 40 hexadecimal digits)\n");
	SAID(H "\"\"\n",
	    "2: the row has 1 field, the header has 2\n"
	    "2: \"\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID(H A1 ",1\r" A2 ",2\n" A3 ",x\n",
	    "2: a carriage return without a line feed\n"
	    "3: the amount \"x\" is not a plain number (digits and one point; no sign, "
	    "exponent, separator or space)\n");
	SAID(H A1 ",1\r", "2: a carriage return without a line feed\n");
	SAID(H A1 ",\"1\"2\n" A2 ",3\"4\"\n",
	    "2: text behind a closing quote\n"
	    "3: a quote inside a field that does not begin with one\n");
	SAID(HM A1 ",1,ok\n" A2 ",1,\"x\n\n",
	    "3: the row has a quote that is never closed\n");
}

static void csv_bytes_refused(void **state)
{
	(void)state;
	SAID(HM A1 ",1,\xc3\x28\n" A2 ",1,\0\n", "2: bad UTF-8\n3: a NUL byte\n");
	/* at the line of the byte, not of the row */
	SAID(HM A1 ",1,\"a\nb\n\xed\xa0\x80\"\n", "4: bad UTF-8\n");
	/* halves of one character in two fields */
	SAID("amount,memo,address\n1,\xc3,\xbc\n",
	    "2: bad UTF-8\n"
	    "2: \"?\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID(HM A1 ",1,\xf0\x9f", "2: bad UTF-8\n");
}

/* What is wrong with a row hides nothing else that is. */
static void all_of_a_row_is_judged(void **state)
{
	(void)state;
	SAID(HM "0x12,0\n" A1 ",1,a,b\n" A1 ",-1,\xff\n",
	    "2: the row has 2 fields, the header has 3\n"
	    "2: \"0x12\" is not an address (0x and 40 hexadecimal digits)\n"
	    "2: the amount is zero\n"
	    "3: the row has 4 fields, the header has 3\n"
	    "4: bad UTF-8\n"
	    "4: " A1 " is paid on line 3 already (--allow-duplicates allows it)\n"
	    "4: the amount \"-1\" is not a plain number (digits and one point; no sign, "
	    "exponent, separator or space)\n");
	SAID("[{\"address\":\"0x12\",\"amount\":\"0\",\"email\":\"\"},\n"
	     "{\"address\":\"" A1 "\",\"amuont\":\"0\"},\n"
	     "{\"address\":\"\xff\",\"amount\":\"0\"}]",
	    "1: unknown member \"email\"; there are address, amount and memo\n"
	    "1: \"0x12\" is not an address (0x and 40 hexadecimal digits)\n"
	    "1: the amount is zero\n"
	    "2: unknown member \"amuont\"; did you mean \"amount\"?\n"
	    "2: the amount is zero\n"
	    "3: bad UTF-8\n"
	    "3: \"?\" is not an address (0x and 40 hexadecimal digits)\n"
	    "3: the amount is zero\n");
}

static void values_refused(void **state)
{
	(void)state;
	SAID(H "vitalik.eth,1\n,1\n",
	    "2: \"vitalik.eth\" is not an address (0x and 40 hexadecimal digits)\n"
	    "3: \"\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID(H " " A1 ",1\n",
	    "2: \" " A1 "\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID(H "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD,1\n",
	    "2: the checksum of 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD does not "
	    "match: "
	    "it is mistyped somewhere\n");
	SAID(H A1 ",\n" A2 ",0\n" A3 ",0.000\n",
	    "2: the amount is empty\n3: the amount is zero\n4: the amount is zero\n");
	SAID(H A1 ",0.0000001\n",
	    "2: the amount 0.0000001 has more decimals than the asset (6)\n");
	SAID(H A1 "," MAX_256 "\n",
	    "2: the amount 1157920892373161954235709850086879078532"
	    "69984665640564039457... is larger than any can be\n");
	/* both are wrong, both are said */
	SAID(H "x,y\n",
	    "2: \"x\" is not an address (0x and 40 hexadecimal digits)\n"
	    "2: the amount \"y\" is not a plain number (digits and one point; no sign, "
	    "exponent, separator or space)\n");
}

static void amounts_are_plain(void **state)
{
	static const char *const bad[] = { "-1", "+1", "1e3", "1 000", " 1", "1 ", ".5",
		"5.", "0x10", "1.2.3", "1_000", "inf", "\xd9\xa1" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct reading g = reading_new();
		char text[128];

		snprintf(text, sizeof text, H A1 ",%s\n", bad[i]);
		read_it(&g, text, strlen(text));
		assert_int_equal(g.e, ERR_INPUT);
		assert_int_equal(g.problems.n, 1);
		assert_int_equal(g.problems.at[0].line, 2);
		assert_non_null(strstr(g.problems.at[0].text, "is not a plain number"));
		reading_free(&g);
	}
	SAID(H A1 ",\"1,000\"\n",
	    "2: the amount \"1,000\" is not a plain number (digits and one point; no "
	    "sign, "
	    "exponent, separator or space)\n");
}

static void sum_overflow(void **state)
{
	struct reading g = reading_new();
	const char *text = H A1 "," MAX_256 "\n" A2 ",1\n" A3 ",1\n";

	(void)state;
	g.rules.base_units = true;
	check_said_by(&g.rules, text, strlen(text),
	    "3: up to here the amounts add up to more than any amount can be\n");
	text = H A1 "," MAX_256 "\n";
	read_it(&g, text, strlen(text));
	assert_int_equal(g.e, ERR_OK);
	reading_free(&g);
}

static void memo_bound(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1U << 20);
	buf_add_str(&text, HM A1 ",1,");
	for (int i = 0; i < LIST_MEMO_BYTES_MAX; i++)
		buf_add_byte(&text, 'm');
	struct reading g = reading_new();
	read_it(&g, text.data, text.len);
	assert_int_equal(g.e, ERR_OK);
	reading_free(&g);
	buf_add_str(&text, "m\n" A2 ",0,\n");
	check_said_by(NULL, buf_text(&text), text.len,
	    "2: the memo has 1025 bytes, 1024 are the most\n3: the amount is zero\n");
	buf_release(&text);
}

/* -- duplicates, and payments to ourselves --------------------------------- */

static void duplicates_refused(void **state)
{
	(void)state;
	SAID(HM MIXED ",1,\"\n\n\"\n" A1 ",1,\n"
		      "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed,2,\n" A1 ",1,\n" A1
		      ",1,\n",
	    "6: " MIXED " is paid on line 2 already (--allow-duplicates allows it)\n"
	    "7: " A1 " is paid on line 5 already (--allow-duplicates allows it)\n"
	    "8: " A1 " is paid on line 5 already (--allow-duplicates allows it)\n");
	/* a row that is wrong otherwise has a recipient too */
	SAID(H A1 ",0\n" A1 ",1\n",
	    "2: the amount is zero\n"
	    "3: " A1 " is paid on line 2 already (--allow-duplicates allows it)\n");
}

static void duplicates_allowed(void **state)
{
	struct reading g = reading_new();
	struct buf text;

	(void)state;
	buf_init(&text, 1U << 20);
	buf_add_str(&text, H);
	for (int i = 0; i < 13; i++)
		buf_add_str(&text, A1 ",1\n");
	g.rules.allow_duplicates = true;
	read_it(&g, text.data, text.len);
	assert_int_equal(g.e, ERR_OK);
	assert_int_equal(g.sum.rows, 13);
	assert_int_equal(g.sum.duplicates, 12);
	assert_int_equal(g.sum.duplicate_at[0].line, 3);
	assert_int_equal(g.sum.duplicate_at[0].first_line, 2);
	assert_int_equal(g.sum.duplicate_at[9].line, 12);
	reading_free(&g);

	g = reading_new();
	g.rules.judge = false;
	read_it(&g, text.data, text.len);
	assert_int_equal(g.e, ERR_OK);
	assert_int_equal(g.sum.duplicates, 0);
	reading_free(&g);
	buf_release(&text);
}

static void self_payments(void **state)
{
	struct reading g = reading_new();
	const char *text = H ZERO ",1\n" SENDER ",1\n" TOKEN ",1\n";

	(void)state;
	check_said_by(&g.rules, text, strlen(text),
	    "2: it pays the zero address (--allow-self allows it)\n"
	    "3: it pays the sender itself (--allow-self allows it)\n");
	g.rules.token = true;
	check_said_by(&g.rules, text, strlen(text),
	    "2: a token can't be paid to the zero address\n"
	    "3: it pays the sender itself (--allow-self allows it)\n"
	    "4: it pays the token's own contract (--allow-self allows it)\n");
	g.rules.allow_self = true;
	g.rules.judge = false;
	check_said_by(&g.rules, text, strlen(text),
	    "2: a token can't be paid to the zero address\n");
	g.rules.judge = true;
	g.rules.token = false;
	read_it(&g, text, strlen(text));
	assert_int_equal(g.e, ERR_OK);
	assert_int_equal(g.sum.self_payments, 2);
	assert_int_equal(g.sum.self_line[0], 2);
	assert_int_equal(g.sum.self_line[1], 3);
	reading_free(&g);
}

/* -- JSON ------------------------------------------------------------------ */

#define J1 "{\"address\": \"" A1 "\", \"amount\": \"1.5\"}"
#define J2 "{\"amount\":\"2\",\"address\":\"" A2 "\",\"memo\":\"say \\\"hi\\\" }]\\n\"}"

static void json_rows(void **state)
{
	(void)state;
	ROWS("[" J1 "]", "1@1 11111111 1500000\n");
	ROWS("[\t" J1 "\t]\t", "1@1 11111111 1500000\n");
	ROWS("[{\"address\":\"" A1 "\",\"amount\":\"1.5\",\"memo\":null}]",
	    "1@1 11111111 1500000\n");
	ROWS("\xef\xbb\xbf \n[\n" J1 ",\n\n" J2 "\r\n]\n",
	    "1@3 11111111 1500000\n2@5 22222222 2000000 [say \"hi\" }]\n]\n");
	ROWS("[{\n\"address\":\n\"" A1 "\",\"amount\":\"1\",\"memo\":\"\"},\n" J2 "]",
	    "1@1 11111111 1000000\n2@4 22222222 2000000 [say \"hi\" }]\n]\n");
	ROWS("[{\"address\":\"" A1 "\",\"amount\":\"1\",\"memo\":\"\\u00fc\\\\\"}]",
	    "1@1 11111111 1000000 [\xc3\xbc\\]\n");
}

static void json_shape_refused(void **state)
{
	(void)state;
	SAID("[]", "0: the list has no rows\n");
	SAID(" " J1 "\n",
	    "1: rows of JSON stand between [ and ], with commas: [{\"address\": .., "
	    "\"amount\": ..}, ..]\n");
	SAID("[\n" J1 "\n" J2 "]", "3: a comma or ] is expected behind a row\n");
	SAID("[" J1 ",\n]",
	    "2: a row is expected here: {\"address\": .., \"amount\": ..}\n");
	SAID("[\"" A1 "\"]",
	    "1: a row is expected here: {\"address\": .., \"amount\": ..}\n");
	SAID("[\n5,\n[{}, \"]\"],\n{\"address\":\"" A1 "\",\"amount\":\"0\"}\n{}]",
	    "2: a row is expected here: {\"address\": .., \"amount\": ..}\n"
	    "3: a row is expected here: {\"address\": .., \"amount\": ..}\n"
	    "4: the amount is zero\n5: a comma or ] is expected behind a row\n"
	    "5: the member address is missing\n5: the member amount is missing\n");
	SAID("[" J1 "]\n\n[", "3: text behind the closing ]\n");
	SAID("[" J1 "\n", "2: the file ends before the closing ]\n");
	SAID("[" J1 ",\n", "2: the file ends before the closing ]\n");
	SAID("[\n{\"address\": \"\n", "2: the file ends inside this row\n");
	SAID("[\n{\"a\":{\"b\":[]}},\n" J1 "]", "2: a row holds nothing but strings\n");
	SAID("[{\"address\"\n:\n}]", "3: bad JSON: unexpected token near '}'\n");
	SAID("[{]]", "1: bad JSON: string or '}' expected near ']'\n");
	SAID("[\n{\"address\":\"" A1 "\",\n\"amount\":\"1\",\"amount\":\"2\"}]",
	    "3: bad JSON: duplicate object key near '\"amount\"'\n");
}

static void json_values_refused(void **state)
{
	(void)state;
	SAID("[\n{\"address\":\"" A1 "\",\"amount\":1.5},"
	     "\n{\"address\":\"" A2 "\",\"amount\":100000000000000000000000},"
	     "\n{\"address\":\"" A3 "\",\"amount\":1e999}]",
	    "2: the amount is not a string; put it in quotes: \"1.5\", not 1.5\n"
	    "3: the amount is not a string; put it in quotes: \"1.5\", not 1.5\n"
	    "4: a number that is too large; put amounts in quotes\n");
	SAID("[{\"address\":null,\"amount\":true,\"memo\":null}]",
	    "1: the address is not a string\n1: the amount is not a string\n");
	SAID("[{\"address\":\"" A1 "\",\"amount\":\"1\",\"memo\":17}]",
	    "1: the memo is not a string; put it in quotes: \"17\", not 17\n");
	SAID("[{\"to\":\"" A1 "\",\"amounts\":\"1\"},\n{}]",
	    "1: unknown member \"to\"; there are address, amount and memo\n"
	    "1: unknown member \"amounts\"; did you mean \"amount\"?\n"
	    "1: the member address is missing\n"
	    "2: the member address is missing\n2: the member amount is missing\n");
	SAID("[\n\n{\"address\":\"" A1 "\",\"amount\":\"-1\"},\n" J1 "]",
	    "3: the amount \"-1\" is not a plain number (digits and one point; no sign, "
	    "exponent, separator or space)\n"
	    "4: " A1 " is paid on line 3 already (--allow-duplicates allows it)\n");
	SAID("[\n{\"amount\":\"1\",\"address\":\n\"\xff\"}]",
	    "3: bad UTF-8\n"
	    "2: \"?\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID("[\n{\"amount\":\"1\",\"address\":\n\"\0\"}]",
	    "3: a NUL byte\n"
	    "2: \"?\" is not an address (0x and 40 hexadecimal digits)\n");
	SAID("[{\"address\":\"" A1 "\",\"amount\":\"1\",\"memo\":\"\\u0000\"}]",
	    "1: a NUL character\n");
}

static void both_formats_are_one_plan(void **state)
{
	struct reading csv = reading_new(), json = reading_new();
	const char *text = HM A1 ",1.5,\n" A2 ",2,\"say \"\"hi\"\" }]\n\"\n";

	(void)state;
	read_it(&csv, text, strlen(text));
	read_it(&json, "[\n" J1 ",\n" J2 "]", strlen("[\n" J1 ",\n" J2 "]"));
	assert_string_equal(buf_text(&csv.rows),
	    "1@2 11111111 1500000\n2@3 22222222 2000000 [say \"hi\" }]\n]\n");
	assert_string_equal(buf_text(&json.rows),
	    "1@2 11111111 1500000\n2@3 22222222 2000000 [say \"hi\" }]\n]\n");
	reading_free(&csv);
	reading_free(&json);
}

/* -- the file -------------------------------------------------------------- */

static void check_unreadable(const char *path, const char *why)
{
	struct reading g = reading_new();
	char said[256];

	g.e = list_read(&g.sum, &g.problems, path, &g.rules, row_note, &g, &g.f);
	snprintf(said, sizeof said, "%s: %s", path, why);
	assert_int_equal(g.e, ERR_INPUT);
	assert_string_equal(g.f.why, said);
	assert_int_equal(g.problems.n, 0);
	reading_free(&g);
}

static void file_refused(void **state)
{
	const char *regular =
	    "not a regular file; a list is read twice, so save it in a file first";

	(void)state;
	unlink(file);
	check_unreadable(file, "No such file or directory");
	check_unreadable(own_folder, regular);
	check_unreadable("/dev/null", regular);
	assert_int_equal(mkfifo(file, 0600), 0);
	check_unreadable(file, regular);
	unlink(file);
}

static void file_hash_is_of_all_bytes(void **state)
{
	struct reading g = reading_new();
	const char *text = "\xef\xbb\xbf\n" H A1 ",1\n\n";
	uint8_t hash[32];

	(void)state;
	sha256(hash, text, strlen(text));
	read_it(&g, text, strlen(text));
	assert_int_equal(g.e, ERR_OK);
	assert_memory_equal(g.sum.file_hash, hash, 32);
	text = "[" J1 "]\n \n";
	sha256(hash, text, strlen(text));
	read_it(&g, text, strlen(text));
	assert_int_equal(g.e, ERR_OK);
	assert_memory_equal(g.sum.file_hash, hash, 32);
	reading_free(&g);
}

static void each_can_end_it(void **state)
{
	struct reading g = reading_new();
	const char *text = H A1 ",1\n" A2 ",1\n";

	(void)state;
	g.each = ERR_JOURNAL;
	read_it(&g, text, strlen(text));
	assert_int_equal(g.e, ERR_JOURNAL);
	assert_string_equal(g.f.why, "the reader of rows");
	assert_string_equal(buf_text(&g.rows), "1@2 11111111 1000000\n");
	reading_free(&g);
}

static void no_row_after_a_problem(void **state)
{
	struct reading g = reading_new();
	const char *text = H A1 ",1\n" A2 ",x\n" A3 ",1\nx,y\n";
	char said[256];

	(void)state;
	memset(&g.sum, 0x5a, sizeof g.sum);
	read_it(&g, text, strlen(text));
	assert_string_equal(buf_text(&g.rows), "1@2 11111111 1000000\n");
	snprintf(said, sizeof said,
	    "%s:3: the amount \"x\" is not a plain number (digits and one point; no "
	    "sign, "
	    "exponent, separator or space) (and 2 more)",
	    file);
	assert_string_equal(g.f.why, said);
	assert_int_equal(g.sum.rows, 0x5a5a5a5a5a5a5a5a); /* written on success only */
	assert_int_equal(
	    list_read(&g.sum, NULL, file, &g.rules, row_note, &g, NULL), ERR_INPUT);
	reading_free(&g);
}

static void problems_are_bounded(void **state)
{
	struct reading g = reading_new();
	struct buf text;

	(void)state;
	buf_init(&text, 1U << 20);
	buf_add_str(&text, H);
	for (int i = 0; i < 2500; i++)
		buf_add_str(&text, "x,1\n");
	file_put(text.data, text.len);
	g.e = list_read(&g.sum, &g.problems, file, &g.rules, row_note, &g, &g.f);
	assert_int_equal(g.e, ERR_INPUT);
	assert_int_equal(g.problems.n, LIST_PROBLEMS_MAX);
	assert_int_equal(g.problems.more, 1500);
	assert_int_equal(g.problems.at[999].line, 1001);
	assert_non_null(strstr(g.f.why, " (and 2499 more)"));
	buf_release(&text);
	reading_free(&g);
}

/* -- hostile --------------------------------------------------------------- */

/* A file of `len` bytes `fill` behind `text`, without writing them all when they are
 * 0. */
static void check_long(const char *text, int fill, size_t len, const char *said)
{
	struct buf all;

	buf_init(&all, len + 1000);
	buf_add_str(&all, text);
	for (size_t i = 0; i < len; i++)
		buf_add_byte(&all, (uint8_t)fill);
	check_said_by(NULL, buf_text(&all), all.len, said);
	buf_release(&all);
}

static void long_rows_are_refused(void **state)
{
	const char *said =
	    "2: the row is longer than 65536 bytes (a quote not closed?)\n";

	(void)state;
	check_long(H A1 ",", '1', 1U << 20, said);
	check_long(HM A1 ",1,\"", '\n', 1U << 20, said);
	check_long(H, ',', 1U << 20, said);
	check_long("[\n{\"address\":\"", 'a', 1U << 20, said);
	check_long("[\n{\"a\":", '[', 1U << 20, said);
	check_long("[\n", '{', 1U << 20, said);
	check_long("[\n", '[', 1U << 20,
	    "2: a row is expected here: {\"address\": .., \"amount\": ..}\n"
	    "2: the row is longer than 65536 bytes (a quote not closed?)\n");
}

/* Early: what follows the bound is not even read. */
static void long_row_is_refused_early(void **state)
{
	struct reading g = reading_new();
	int fd;

	(void)state;
	file_put(H "x", strlen(H "x"));
	fd = open(file, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0); /* a hole: a terabyte */
	close(fd);
	g.e = list_read(&g.sum, &g.problems, file, &g.rules, row_note, &g, &g.f);
	assert_int_equal(g.e, ERR_INPUT);
	assert_non_null(strstr(g.f.why, ":2: the row is longer than 65536 bytes"));
	reading_free(&g);
}

static void any_truncation_is_refused(void **state)
{
	static const char json[] = "\xef\xbb\xbf[" J1 ",\n" J2 "\n]";

	(void)state;
	for (size_t len = 0; len < sizeof json - 1; len++) {
		struct reading g = reading_new();

		read_it(&g, json, len);
		assert_int_equal(g.e, ERR_INPUT);
		assert_true(g.problems.n > 0);
		reading_free(&g);
	}
	ROWS("\xef\xbb\xbf[" J1 ",\n" J2 "\n]",
	    "1@1 11111111 1500000\n2@2 22222222 2000000 [say \"hi\" }]\n]\n");
}

static uint64_t random_state = 88172645463325252U;

static uint64_t random_next(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* Bytes exchanged at random: an answer, whatever it is, and no memory harmed. */
static void any_damage_is_survived(void **state)
{
	static const char *const lists[] = {
		"\xef\xbb\xbf" HM A1 ",1,\"a\r\nb\"\r\n\n" A2 ",2,\"say \"\"hi\"\"\"\n",
		"[" J1 ",\n" J2 "\n]\n",
	};
	static const char bytes[] = "\",\n\r{}[]\\:a0\xc3\0";

	(void)state;
	for (int round = 0; round < 1500; round++) {
		struct reading g = reading_new();
		char text[512];
		size_t len = strlen(lists[round % 2]);

		memcpy(text, lists[round % 2], len);
		for (uint64_t n = 1 + random_next(4); n > 0; n--)
			text[random_next(len)] = bytes[random_next(sizeof bytes)];
		read_it(&g, text, len);
		assert_true(g.e == ERR_OK ? g.problems.n == 0 : g.problems.n > 0);
		reading_free(&g);
	}
}

/* -- many rows ------------------------------------------------------------- */

struct made {
	struct address to;
	uint64_t amount;
	char memo[24];
	size_t memo_len;
};

struct compare {
	const struct made *made;
	int64_t at;
};

static void made_random(struct made *m)
{
	static const char *const pieces[] = { "a", "\"", ",", "\n", "\r\n", "\xc3\xbc",
		" ", "{", "]", "\\" };

	for (size_t i = 0; i < sizeof m->to.at; i++)
		m->to.at[i] = (uint8_t)random_next(256);
	m->amount = 1 + random_next(UINT32_MAX);
	m->memo_len = 0;
	for (uint64_t n = random_next(8); n > 0; n--) {
		const char *piece = pieces[random_next(sizeof pieces / sizeof *pieces)];

		memcpy(m->memo + m->memo_len, piece, strlen(piece));
		m->memo_len += strlen(piece);
	}
	m->memo[m->memo_len] = '\0';
}

static enum err row_compare(void *ctx, const struct list_row *row, struct fail *f)
{
	struct compare *c = ctx;
	const struct made *m = &c->made[c->at++];
	struct amount amount = amount_u64(m->amount);

	(void)f;
	assert_int_equal(row->row, c->at);
	assert_memory_equal(&row->to, &m->to, sizeof m->to);
	assert_int_equal(amount_cmp(&row->amount, &amount), 0);
	assert_int_equal(row->memo_len, m->memo_len);
	if (m->memo_len > 0)
		assert_memory_equal(row->memo, m->memo, m->memo_len);
	else
		assert_null(row->memo);
	return ERR_OK;
}

static void csv_write(struct buf *b, const struct made *made, int n)
{
	char to[43], amount[AMOUNT_TEXT_MAX];

	buf_add_str(b, "amount,memo,address\n");
	for (int i = 0; i < n; i++) {
		struct amount a = amount_u64(made[i].amount);

		eip55_format(to, made[i].to.at);
		amount_format(amount, &a, 6);
		buf_addf(b, "%s,\"", amount);
		for (size_t k = 0; k < made[i].memo_len; k++) {
			if (made[i].memo[k] == '"')
				buf_add_byte(b, '"');
			buf_add_byte(b, (uint8_t)made[i].memo[k]);
		}
		buf_addf(b, "\",%s%s", to, i % 2 ? "\n" : "\r\n");
	}
}

static void json_write(struct buf *b, const struct made *made, int n)
{
	char to[43], amount[AMOUNT_TEXT_MAX];

	buf_add_str(b, "[\n");
	for (int i = 0; i < n; i++) {
		struct amount a = amount_u64(made[i].amount);

		eip55_format(to, made[i].to.at);
		amount_format(amount, &a, 6);
		buf_addf(b, "{\"memo\": ");
		buf_add_json(b, made[i].memo);
		buf_addf(b, ", \"address\": \"%s\",\n\"amount\": \"%s\"}%s", to, amount,
		    i < n - 1 ? ",\n" : "\n]\n");
	}
}

static void check_equal(const struct made *made, int n, const struct buf *text)
{
	struct list_rules rules = { .decimals = 6, .judge = true };
	struct compare c = { .made = made };
	struct amount total = AMOUNT_ZERO;
	struct list_sum sum;
	struct fail f;

	for (int i = 0; i < n; i++) {
		struct amount a = amount_u64(made[i].amount);

		assert_true(amount_add(&total, &total, &a));
	}
	file_put(text->data, text->len);
	assert_int_equal(
	    list_read(&sum, NULL, file, &rules, row_compare, &c, &f), ERR_OK);
	assert_int_equal(sum.rows, n);
	assert_int_equal(sum.duplicates, 0);
	assert_int_equal(amount_cmp(&sum.total, &total), 0);
}

static void what_is_written_is_read(void **state)
{
	enum { ROWS_N = 100000 };
	struct made *made = mem_array(ROWS_N, sizeof *made);
	struct buf text;

	(void)state;
	for (int i = 0; i < ROWS_N; i++)
		made_random(&made[i]);
	buf_init(&text, 64U << 20);
	csv_write(&text, made, ROWS_N);
	check_equal(made, ROWS_N, &text);
	buf_clear(&text);
	json_write(&text, made, ROWS_N / 10);
	check_equal(made, ROWS_N / 10, &text);
	buf_release(&text);
	free(made);
}

/* Each of 50,000 recipients twice: every second one is found, with the right line. */
static void duplicates_among_many(void **state)
{
	enum { RECIPIENTS = 50000 };
	struct reading g = reading_new();
	struct buf text;

	(void)state;
	buf_init(&text, 64U << 20);
	buf_add_str(&text, H);
	for (int i = 0; i < 2 * RECIPIENTS; i++)
		buf_addf(&text, "0x%040x,1\n", 1 + i % RECIPIENTS);
	g.rules.allow_duplicates = true;
	read_it(&g, text.data, text.len);
	assert_int_equal(g.e, ERR_OK);
	assert_int_equal(g.sum.rows, 2 * RECIPIENTS);
	assert_int_equal(g.sum.duplicates, RECIPIENTS);
	for (int i = 0; i < LIST_SHOWN_MAX; i++) {
		assert_int_equal(g.sum.duplicate_at[i].line, 2 + RECIPIENTS + i);
		assert_int_equal(g.sum.duplicate_at[i].first_line, 2 + i);
	}
	buf_release(&text);
	reading_free(&g);
}

/* -- the plan's hash ------------------------------------------------------- */

struct plan_row {
	uint8_t to;
	struct amount amount;
	const char *memo;
};

static void check_plan(struct plan_header p, size_t rows_n, const char *expected)
{
	const struct plan_row rows[] = {
		{ 0x11, amount_u64(1), NULL },
		{ 0x22, { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } }, "hello" },
		{ 0x33, amount_u64(1000000000000000000), "gr\xc3\xbc\xc3\x9f\n" },
	};
	struct plan_hash *h;
	uint8_t hash[32];
	char text[65];

	for (uint8_t i = 0; i < 32; i++)
		p.genesis.at[i] = i;
	memset(p.token_address.at, 0x70, 20);
	memset(p.sender.at, 0xaa, 20);
	memset(p.service_fee_to.at, 0xfe, 20);
	h = plan_hash_begin(&p);
	for (size_t i = 0; i < rows_n; i++) {
		struct address to;

		memset(to.at, rows[i].to, 20);
		plan_hash_row(h, &to, &rows[i].amount, rows[i].memo,
		    rows[i].memo ? strlen(rows[i].memo) : 0);
	}
	plan_hash_end(h, hash);
	hex_format(text, hash, 32);
	assert_string_equal(text, expected);
}

#define PLAN(what, hash) static const char *const PLAN_##what = hash;
#include "../vectors/plan_hash.def"
#undef PLAN

static void plan_hashes(void **state)
{
	(void)state;
	check_plan(
	    (struct plan_header){ .chain_id = 1, .decimals = 18 }, 0, PLAN_NATIVE_EMPTY);
	check_plan(
	    (struct plan_header){ .chain_id = 31337, .decimals = 18 }, 3, PLAN_NATIVE);
	check_plan(
	    (struct plan_header){ .chain_id = 31337, .token = true, .decimals = 6 }, 3,
	    PLAN_TOKEN);
	check_plan((struct plan_header){ .chain_id = UINT64_MAX,
		       .token = true,
		       .decimals = 6,
		       .service_fee = amount_u64(12345) },
	    2, PLAN_TOKEN_FEE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_rows),
		cmocka_unit_test(csv_line_ends_and_mark),
		cmocka_unit_test(csv_quotes),
		cmocka_unit_test(base_units),
		cmocka_unit_test(csv_header_refused),
		cmocka_unit_test(csv_shape_refused),
		cmocka_unit_test(csv_bytes_refused),
		cmocka_unit_test(all_of_a_row_is_judged),
		cmocka_unit_test(values_refused),
		cmocka_unit_test(amounts_are_plain),
		cmocka_unit_test(sum_overflow),
		cmocka_unit_test(memo_bound),
		cmocka_unit_test(duplicates_refused),
		cmocka_unit_test(duplicates_allowed),
		cmocka_unit_test(self_payments),
		cmocka_unit_test(json_rows),
		cmocka_unit_test(json_shape_refused),
		cmocka_unit_test(json_values_refused),
		cmocka_unit_test(both_formats_are_one_plan),
		cmocka_unit_test(file_refused),
		cmocka_unit_test(file_hash_is_of_all_bytes),
		cmocka_unit_test(each_can_end_it),
		cmocka_unit_test(no_row_after_a_problem),
		cmocka_unit_test(problems_are_bounded),
		cmocka_unit_test(long_rows_are_refused),
		cmocka_unit_test(long_row_is_refused_early),
		cmocka_unit_test(any_truncation_is_refused),
		cmocka_unit_test(any_damage_is_survived),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(duplicates_among_many),
		cmocka_unit_test(plan_hashes),
	};

	return cmocka_run_group_tests(tests, folder_make, own_folder_remove);
}
