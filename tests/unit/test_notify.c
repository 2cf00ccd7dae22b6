/* What a service manager hears, on sockets like those of systemd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/vital/notify.h"

static char name[100]; /* as NOTIFY_SOCKET has it */
static int manager = -1;

/* '/': a path; '@': an abstract name. */
static void manager_open(char kind)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t len;

	snprintf(name, sizeof name, "%s/pawl-notify-%d", kind == '@' ? "@" : "/tmp",
	    (int)getpid());
	len = strlen(name);
	memcpy(at.sun_path, name, len);
	if (kind == '@')
		at.sun_path[0] = '\0';
	else
		len++;
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
}

static int manager_close(void **state)
{
	(void)state;
	if (manager >= 0)
		close(manager);
	manager = -1;
	if (*name == '/')
		unlink(name);
	return 0;
}

/* The next datagram; "": there is none. */
static const char *heard(void)
{
	static char text[1024];
	ssize_t n = recv(manager, text, sizeof text - 1, 0);

	assert_true(n >= 0 || errno == EAGAIN);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct notify open_to(const char *watchdog_us, const char *watchdog_pid)
{
	struct notify n;
	struct fail f;

	assert_int_equal(notify_open(&n, name, watchdog_us, watchdog_pid, &f), ERR_OK);
	return n;
}

static void a_manager_hears_its_life(void **state)
{
	struct notify n;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		manager_open("/@"[kind]);
		n = open_to(NULL, NULL);
		notify_ready(&n);
		assert_string_equal(heard(), "READY=1");
		notify_reloading(&n);
		assert_int_equal(strncmp(heard(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
		notify_ready(&n);
		assert_string_equal(heard(), "READY=1");
		notify_stopping(&n);
		assert_string_equal(heard(), "STOPPING=1");
		assert_int_equal(notify_wake_ms(&n), INT64_MAX);
		notify_close(&n);
		manager_close(NULL);
	}
}

static void the_watchdog_is_fed_by_turns_alone(void **state)
{
	char pid[20];
	struct notify n;

	(void)state;
	manager_open('@');
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	n = open_to("30000000", pid);
	assert_int_equal(notify_wake_ms(&n), 0);
	notify_turned(&n, 5000, "");
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_turned(&n, 14999, "");
	assert_string_equal(heard(), "");
	assert_int_equal(notify_wake_ms(&n), 15000);
	notify_turned(&n, 15000, "");
	assert_string_equal(heard(), "WATCHDOG=1");
	notify_close(&n);
}

/* systemd hands its variables on to whatever a service starts. */
static void a_watchdog_of_another_process_is_none(void **state)
{
	static const char *const wrong[] = { "0", "-5", "many", "30000000x", "",
		"99999999999999999999" };
	struct notify n;

	(void)state;
	manager_open('@');
	n = open_to("30000000", "1");
	assert_int_equal(notify_wake_ms(&n), INT64_MAX);
	notify_turned(&n, 100000, "");
	assert_string_equal(heard(), "");
	notify_close(&n);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		n = open_to(wrong[i], NULL);
		assert_int_equal(notify_wake_ms(&n), INT64_MAX);
		notify_close(&n);
	}
}

static void a_status_is_one_line(void **state)
{
	struct notify n;

	(void)state;
	manager_open('@');
	n = open_to(NULL, NULL);
	notify_turned(&n, 1000, "one\nREADY=1");
	assert_string_equal(heard(), "STATUS=one?READY=1");
	notify_turned(&n, 1500, "two");
	assert_string_equal(heard(), "");
	notify_turned(&n, 2000, "two");
	assert_string_equal(heard(), "STATUS=two");
	notify_turned(&n, 9000, "two");
	assert_string_equal(heard(), "");
	notify_close(&n);
}

/* Nobody waits for it, and it hears the newest when it listens again. */
static void who_does_not_listen_holds_up_nobody(void **state)
{
	struct notify n;
	int filled = 0;

	(void)state;
	manager_open('@');
	n = open_to("3000", NULL);
	while (send(n.fd, "x", 1, MSG_DONTWAIT) < 0 && errno == ENOTCONN &&
	    filled < 1000 &&
	    sendto(n.fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&n.to, n.to_len) == 1)
		filled++;
	assert_in_range(filled, 1, 999);
	notify_ready(&n);
	notify_turned(&n, 1000, "well");
	assert_int_equal(notify_wake_ms(&n), 1200);
	while (*heard() == 'x')
		;
	notify_turned(&n, 1200, "well");
	assert_string_equal(heard(), "READY=1");
	assert_string_equal(heard(), "WATCHDOG=1");
	assert_string_equal(heard(), "STATUS=well");
	notify_close(&n);
}

static void without_a_manager_it_is_silent(void **state)
{
	static const char *const wrong[] = { "relative", "@", "/", "vsock:2:1234" };
	char longer[200];
	struct notify n;
	struct fail f;

	(void)state;
	*name = '\0';
	assert_int_equal(notify_open(&n, NULL, "1000", NULL, &f), ERR_OK);
	notify_ready(&n);
	notify_turned(&n, 1, "x");
	assert_int_equal(notify_wake_ms(&n), INT64_MAX);
	notify_close(&n);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(notify_open(&n, wrong[i], NULL, NULL, &f), ERR_CONFIG);
		assert_non_null(strstr(f.why, wrong[i]));
		notify_ready(&n);
		notify_close(&n);
	}
	memset(longer, 'a', sizeof longer - 1);
	longer[0] = '/';
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(notify_open(&n, longer, NULL, NULL, &f), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_manager_hears_its_life, manager_close),
		cmocka_unit_test_teardown(
		    the_watchdog_is_fed_by_turns_alone, manager_close),
		cmocka_unit_test_teardown(
		    a_watchdog_of_another_process_is_none, manager_close),
		cmocka_unit_test_teardown(a_status_is_one_line, manager_close),
		cmocka_unit_test_teardown(
		    who_does_not_listen_holds_up_nobody, manager_close),
		cmocka_unit_test(without_a_manager_it_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
