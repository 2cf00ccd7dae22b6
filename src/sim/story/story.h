/* story.h - one story: its stage, the processes on it, and what came of it.
 *
 * The stage outlives the processes: a chain with its nodes, a disk, the lists that people
 * have in mind, and what they remember of what they were told. A process lives in a
 * region of its own (region.h) and dies at whatever instant the schedule says. The story
 * decides who goes on next; nobody is ever waited for in real time.
 *
 *   fate.c    what will happen is drawn (fate_in.h), or written down (scenario.c), as a
 *             schedule (schedule.c)
 *   story.c   the stage is set, who is next
 *   act.c     what happens to them all
 *   older.c   journals that are older than what was sent, and copies
 *   flip.c    a journal of which a bit is another one
 *   meddle.c  one that somebody edits
 *   stumble.c a list whose advance fails
 *   process.c what happens to processes: two at once, standing still, dying in a row
 *   vices.c   what nodes do wrong for a while
 *   receiver.c who is told; chat.c in a chat
 *   life.c    a process, in its region (region.c), with what is lent to it (lender.c)
 *   people.c  whoever types a command, and the operator (people_in.h has its files)
 *   shrink.c  the least that still goes wrong
 */
#ifndef PAWL_SIM_STORY_H
#define PAWL_SIM_STORY_H

#include <setjmp.h>
#include <stdio.h>

#include "engine/operation.h"
#include "kinds/airdrop/airdrop.h"
#include "serve/command/command.h"
#include "sim/disk/disk.h"
#include "sim/random.h"
#include "sim/story/fate.h"
#include "sim/story/lender.h"
#include "sim/story/receiver.h"
#include "sim/story/region.h"
#include "sim/story/vices.h"

#define SIM_LIVES 2
#define SIM_FILE_BYTES ((size_t)32 << 20) /* of a file on a disk, at most */
#define SIM_WISHES 64
#define SIM_WHY_MAX 1600
#define SIM_BLOCKS_BEFORE 4

struct sim_story;

/* What is handed over and is not what it seems: it is to be refused. */
enum sim_edit {
	SIM_EDIT_ROWS = 1, /* its name, with another plan */
	SIM_EDIT_NAME,     /* its rows under another name, */
	SIM_EDIT_BOTH,     /* and one of them edited */
	SIM_EDIT_UNSEEN,   /* the same, planned before the newest operation came */
	SIM_EDIT_NEWER,    /* with a member that only a newer program knows */
	SIM_EDIT_PART      /* a part of its rows, of which one is missing */
};

/* A list of payments that somebody has in mind. */
struct sim_list {
	char name[16];
	int key;
	int rows;
	bool wanted;    /* its time has come */
	bool known;     /* who made it was told that it is there */
	bool cancelled; /* somebody wants that */
	int edit;       /* enum sim_edit: somebody does; 0: nobody */
	bool stumbles;  /* its next advance fails */
	int64_t not_before_ms;
	int64_t leaves_ms; /* who sends it, when it is half there; for so long */
	struct amount cap; /* of its fees, as somebody wants it */
	uint32_t hears;    /* receivers that somebody wants to, a bit each */
	bool skipped[SIM_ROWS_MAX + 1]; /* somebody wants that */
	struct address fee_to;
	struct address to[SIM_ROWS_MAX + 1]; /* from 1 on */
	struct amount amount[SIM_ROWS_MAX + 1];
};

/* -- people ----------------------------------------------------------------- */

/* Somebody asks for something, until he has an answer. */
struct sim_wish {
	struct request q;
	uint64_t id;
	int64_t not_before_ms; /* of the chain's clock */
	bool by_operator;
	bool insists; /* what is refused is said again, with the word that is told */
};

struct sim_people {
	struct sim_wish wish[SIM_WISHES]; /* in their order */
	int wishes;
	int64_t look_ms;   /* when the operator looks again */
	uint64_t releases; /* that somebody wants, of whatever row */
	uint64_t ids;
	bool yes;          /* he has read what was refused, and says so again */
	uint32_t word;     /* that stands for what he was told then */
	bool said_yes;     /* somebody has: what was paid by hand may be paid again */
	uint32_t off;      /* nodes of which who switched them off was told so, */
	uint32_t switched; /* and that he ever had in mind */
	bool alone;        /* who resumes a chain owns the journal himself */
	int64_t says;      /* to all subscribers: asked for so often, */
	int64_t said;      /* and told that some will hear */
};

/* -- a process --------------------------------------------------------------- */

enum sim_robbed {
	SIM_ROBBED_NOT,
	SIM_ROBBED_DISK, /* of its locks, and of its files */
	SIM_ROBBED_LOCK  /* by which it owns the journal, and of nothing else */
};

enum sim_end {
	SIM_GOES_ON,
	SIM_DIED,        /* told to: at an op, a point, an event */
	SIM_FATAL,       /* its journal ended it */
	SIM_STARTED_NOT, /* owned by another, or the disk is full: again, later */
	SIM_ENDED,       /* by itself */
	SIM_WRONG        /* the story has its violation */
};

struct sim_life {
	struct sim_story *story;
	int id;
	struct sim_region *region;
	struct sim_region_image *begun; /* its memory, when it rises; NULL: empty */
	struct db *spare;               /* in that */
	struct sim_disk_process process;
	jmp_buf death;
	enum sim_end end;
	bool alive;
	bool over;                       /* all that was wanted is done, it says, */
	const struct sim_block *over_at; /* and no block came since this one */
	bool wanted;                     /* it shall run, and rises when it is dead */
	int64_t rise_at_ms;              /* of the chain's clock */
	int64_t full_until_ms; /* the disk was full: no turn before; the same clock */
	int64_t clock_ms;      /* its monotonic clock is the chain's plus this */
	int power;             /* goes with it: 1 + enum sim_disk_loss; 0: not */
	uint64_t die_points, die_events; /* so many more; 0: not by this */
	int64_t until_ms;                /* of its step, by the chain's clock */
	int64_t wanted_until_ms;         /* of the chain's clock; 0: to the end */
	bool is_copy; /* on a disk of its own; nobody types at it, or asks it */
	int64_t command_until_ms; /* it is a command that resumes a chain, and ends; the
				     chain's clock; 0: it is not */

	/* It stands still at a point, in the middle of its step, while others go on. */
	uint64_t stand_points; /* so many more; 0: it does not */
	int64_t stand_ms;
	enum sim_robbed robbed; /* meanwhile */
	uint64_t faults;        /* of its disk, when it began to rise */
	bool stands, killed;
	int64_t lost_commit; /* the number of its next one, when it lost its journal; 0:
				not */

	/* in its region */
	struct journal *journal;
	struct world *world;
	struct runner *runner;
	struct tell *tell;   /* NULL: there are no subscribers */
	struct track *track; /* NULL: no transaction is followed */
	bool sees_off;       /* it knows which nodes are off: it read that, or did it */
	struct sim_answer *answer; /* to be told when the turn is committed */
	struct intake *intake;     /* lists on their way over the socket */
	int64_t id_of[SIM_LISTS_MAX];
	int64_t sent[SIM_LISTS_MAX]; /* rows, once it was asked to be run */
	bool asked[SIM_LISTS_MAX];
	bool listed[SIM_LISTS_MAX]; /* all rows of it are in the journal */
	struct {
		uint64_t mark; /* journal_changed */
		int64_t unclaimed, equal, past;
	} compared[SIM_LISTS_MAX]; /* before it was asked for */
};

/* -- journals that are older ---------------------------------------------------- */

enum sim_keep { SIM_KEEP_FILES, SIM_KEEP_BACKUP, SIM_KEEP_MACHINE, SIM_KEEPS };
enum sim_back {
	SIM_BACK_RESTORED,    /* by the program, from its backup */
	SIM_BACK_COPIED,      /* with cp: other files */
	SIM_BACK_SILENT,      /* as a disk that is set back: the same files */
	SIM_BACK_UNDER_WAL,   /* the older database, under the -wal of today */
	SIM_BACK_WITHOUT_WAL, /* of today, and its -wal is gone */
	SIM_BACK_NEW,         /* deleted, and made anew */
	SIM_BACK_MACHINE,     /* the disk, and the memory of the process */
	SIM_BACK_EMPTY_WAL,   /* of today, and its -wal is empty */
	SIM_BACK_OVER,        /* its backup with cp, over the same file */
	SIM_BACK_BENEATH,     /* with cp: other files, while it runs */
	SIM_BACKS
};

/* Files of the journal of which a bit is another one. */
enum sim_flipped { SIM_FLIPPED_WAL = 1, SIM_FLIPPED_DATABASE = 2 };

struct sim_older {
	struct sim_disk_image *files; /* NULL: nothing was kept */
	unsigned files_flipped;       /* as the journal was when they were kept */
	bool is_mixed; /* an older database is under the -wal, and no start has looked */
	bool has_backup;
	unsigned backup_flipped;         /* as the journal was when it was made */
	struct sim_region_image *memory; /* of a machine; NULL: none was kept */
	struct sim_disk_image *disk;
	unsigned disk_flipped;
	struct sim_life life;
	char damage[SIM_WHY_MAX]; /* what the start said; "": nothing, or it is mended */
	bool was_damaged;         /* by somebody, so that a start may say so */
};

/* -- the story ---------------------------------------------------------------- */

enum sim_deed {
#define DEED(name, word) SIM_DID_##name,
#include "sim/story/deeds.def"
#undef DEED
	SIM_DEEDS
};

struct sim_figures {
	uint64_t deeds[SIM_DEEDS];
	uint64_t steps, crashes, power_cuts, reorgs, sends, blocks, faults, rises;
	uint64_t acts[SIM_ACTS], net[SIM_FAULT_COUNT], disk[SIM_DISK_FAULTS];
	uint64_t violations;
};

/* What the program stands on (G0), bits: without it, it is judged by what it says
 * then. */
enum sim_ground {
	SIM_GROUND_SYNC = 1,    /* a sync that succeeded is on the medium */
	SIM_GROUND_FINAL = 2,   /* no final block is undone */
	SIM_GROUND_QUORUM = 4,  /* not all nodes of a quorum lie */
	SIM_GROUND_ALONE = 8,   /* no copy, no older one, of the journal uses the key */
	SIM_GROUND_NEWEST = 16, /* it is the newest: a start sees it, and fences */
	SIM_GROUND_KEPT = 32    /* there is one at all, of what was sent */
};

struct sim_story {
	const struct sim_fate *fate;
	FILE *out; /* what happens, a line each; NULL: nobody listens */

	void *chain_region, *disk_region;
	struct sim_disk *disk;
	struct sim_disk_image *made; /* with a new journal */
	uint64_t told;               /* stories */
	struct sim_chain *chain;
	struct sim_node *nodes[SIM_NODES_MAX];
	struct sim_token *token, *other; /* token: NULL for lists in coin */
	struct sim_key key[SIM_KEYS_MAX];
	struct sim_list list[SIM_LISTS_MAX];
	struct node_config endpoints[SIM_NODES_MAX];
	struct chain_config config;
	struct retention retention[3];
	struct sim_lender lender;
	struct serve_face face;

	struct sim_random dice;               /* of the story's own decisions */
	uint32_t per_mille[SIM_FAULT_COUNT];  /* of the network, now */
	uint32_t net_mostly[SIM_FAULT_COUNT]; /* when nothing else lasts */
	struct sim_vices vices;
	struct sim_people people;
	int receivers; /* that may hear of anything */
	struct sim_receiver receiver[SIM_RECEIVERS_MAX];
	struct sim_letter *letters; /* the newest one, that left last */
	bool tracks;                /* transactions are followed */
	struct sim_followed followed[SIM_FOLLOWED_MAX];
	int followed_n;
	struct sim_post *posts[SIM_CHATS]; /* the newest one of each (chat.h) */
	struct sim_random receiver_dice, chat_dice;
	struct secret *webhook, *telegram;
	struct sim_life life[SIM_LIVES];
	struct sim_life tool; /* a command that runs beside them, or instead */
	struct sim_older older;
	void *copy_region; /* the disk of a copy that runs, too */
	struct sim_disk *copy_disk;
	struct sim_judge *judge;
	size_t act;       /* the next one */
	int64_t begun_ms; /* by the chain's clock */
	int64_t jump_ms;  /* of the wall clock */
	bool calm;
	unsigned broken; /* enum sim_ground: what does not hold any more */
	int64_t astray_until_ms;
	int64_t room_until_ms, blocks_from_ms, net_until_ms[SIM_FAULT_COUNT];
	int64_t spike_until; /* height */
	bool released;       /* a nonce without bytes was given back by somebody */
	bool by_hand;        /* a row was paid with the key, and not by the program */
	unsigned flipped; /* enum sim_flipped: and nobody has looked whether it matters */
	int64_t edited; /* an operation that had not ended, by another program; 0: none */
	int64_t edited_event,
	    edited_len;     /* its event, and the bytes of its `why` since */
	bool is_other_file; /* the journal is a copy, and nobody has opened it yet */
	bool twin_is_other; /* so is that of who runs beside it, on a disk of its own */
	struct sim_random process_dice;
	struct sim_again { /* the next starts die, too */
		int64_t times, ops, power_per_mille;
	} again;
	uint64_t trace; /* of all that happened */
	bool is_named[SIM_NODES_MAX];

	struct sim_figures figures;
	char why[SIM_WHY_MAX]; /* the violation; "": none */
};

/* Once a program; sets up the memory of libraries, the disk, the keys. */
struct sim_story *sim_story_new(bool loud);
void sim_story_free(struct sim_story *s);
/* From its beginning to its end; true: nothing was wrong. */
bool sim_story_tell(struct sim_story *s, const struct sim_fate *fate, FILE *out);

/* -- among its files ------------------------------------------------------------ */

int64_t sim_story_ms(const struct sim_story *s); /* since it began */
void sim_story_did(struct sim_story *s, enum sim_deed deed);
const char *sim_deed_name(enum sim_deed deed);
void sim_story_line(struct sim_story *s, const char *fmt, ...) PRINTF(2, 3);
/* For people alone: the hash of the story does not know it. */
void sim_story_note(struct sim_story *s, const char *fmt, ...) PRINTF(2, 3);
/* The first one is kept. */
void sim_story_wrong(struct sim_story *s, const char *fmt, ...) PRINTF(2, 3);

/* Between two steps it ends by itself, as by SIGTERM. */
void sim_story_stop(struct sim_story *s, struct sim_life *l);
/* From within the step of a life that stands still: the others go on. */
void sim_story_meanwhile(struct sim_story *s, int64_t ms);
/* Who owns the journal, or is to; never NULL. */
struct sim_life *sim_story_owner(struct sim_story *s);

/* act.c */
void sim_acts_do(struct sim_story *s); /* those whose time has come */
int64_t sim_acts_due_ms(const struct sim_story *s);
void sim_act_fund(struct sim_story *s, int key);

/* people_act.c */
void sim_people_act(struct sim_story *s, const struct sim_act *a);
void sim_people_calm(struct sim_story *s); /* who went away is back */

/* older.c */
void sim_older_act(struct sim_story *s, const struct sim_act *a);
void sim_older_rises(struct sim_story *s); /* before somebody does: damage is mended */
/* A start says that the journal is damaged; false: nobody has done anything to it. */
bool sim_older_damaged(struct sim_story *s, const char *why);
void sim_older_copy_ends(struct sim_story *s);
void sim_older_end(struct sim_story *s); /* of the story */

/* flip.c */
void sim_flip(struct sim_story *s, bool wal, uint64_t where);
void sim_is_flipped(struct sim_story *s, bool wal);
/* meddle.c: another program sets a row back that is final, or edits an event. */
void sim_meddle(struct sim_story *s, bool event, uint64_t luck);
/* In a life: is all whole that can be looked at? Else the damage is said. */
bool sim_flip_is_harmless(struct sim_life *l);
/* It waits for ever; an operator takes the journal for damaged. */
bool sim_flip_is_given_up(struct sim_story *s);

/* process.c */
void sim_process_act(struct sim_story *s, const struct sim_act *a);
void sim_process_rises(struct sim_story *s, struct sim_life *l); /* before it does */
void sim_processes_end(struct sim_story *s); /* what an act began for a while */
void sim_processes_calm(struct sim_story *s);
int64_t sim_processes_due_ms(const struct sim_story *s);

/* stumble.c: a kind whose advance fails when the story says so, and what it writes then:
 * no journal may have it. */
#define SIM_STUMBLED "stumbled"
const struct kind *sim_stumbling(void);

/* life.c: each ends with how it went on; dead: what it had is gone. */
enum sim_end sim_life_rise(struct sim_life *l);
enum sim_end sim_life_step(struct sim_life *l, int64_t until_ms);
enum sim_end sim_life_stop(struct sim_life *l); /* as by SIGTERM */
void sim_life_kill(struct sim_life *l);         /* between two steps */
/* A command that is a process of its own. do_it sets how it ends. */
enum sim_end sim_life_use(struct sim_life *l, void (*do_it)(struct sim_life *l));
int64_t sim_life_due_ms(const struct sim_life *l); /* of the chain's clock */
void sim_life_open(struct sim_life *l);            /* once a program */
/* The judge reads its journal; it does not go on, and says why. */
bool sim_life_read(struct sim_life *l); /* false: it is damaged, and says so */
void sim_life_explain(struct sim_life *l);
void sim_life_says(struct sim_life *l); /* the same, within its step */
struct sim_life *sim_life_now(void);    /* whose step it is; NULL: nobody's */
/* A new journal on the story's disk, and nothing else. */
void sim_life_make(struct sim_life *l);
/* It rises with a connection to that from now on. The disk is worth nothing then. */
void sim_life_spare(struct sim_life *l);

/* people.c: around a turn of a life. */
void sim_people_wish(
    struct sim_story *s, const struct request *q, int64_t after_ms, bool insists);
void sim_people_rise(struct sim_story *s);
void sim_people_turn(struct sim_life *l);
void sim_people_told(struct sim_life *l);
/* Somebody wants a chain resumed, and to do it alone; drop: not any more. */
bool sim_people_resume_alone(struct sim_story *s, bool drop);
/* The operator types no line that he read of another journal. */
void sim_people_look_anew(struct sim_story *s);
/* The turn did not happen, or is the last: nobody is answered. */
void sim_people_dropped(struct sim_life *l);

#endif
