/* The handlers of the verbs: one file each, verb_*.c; the table that names them is verbs.c. */
#ifndef AGENTS_CLI_VERBS_H
#define AGENTS_CLI_VERBS_H

#include "agents/cli/verb.h"

/* Each does what its row in the table says; `call` has been checked against that row. */
verb_run verb_init;
verb_run verb_status;
verb_run verb_pub;
verb_run verb_sub;
verb_run verb_rpc;
verb_run verb_demo;
verb_run verb_dispatch_show;
verb_run verb_dispatch_hold;
verb_run verb_dispatch_override;
verb_run verb_dispatch_release;
verb_run verb_dispatch_stop;
verb_run verb_dispatch_parameter;
verb_run verb_dispatch_solve;
verb_run verb_dispatch_simulate;
verb_run verb_account_list;
verb_run verb_account_show;
verb_run verb_account_statement;
verb_run verb_market_book;
verb_run verb_market_trades;
verb_run verb_market_simulate;
verb_run verb_chain_status;
verb_run verb_chain_log;
verb_run verb_chain_block;
verb_run verb_chain_tx;
verb_run verb_key_new;
verb_run verb_key_list;
verb_run verb_key_show;
verb_run verb_key_import;
verb_run verb_key_export;
verb_run verb_key_sign;
verb_run verb_account_admit;
verb_run verb_account_revoke;
verb_run verb_account_rekey;
verb_run verb_account_mint;
verb_run verb_account_correct;
verb_run verb_sell;
verb_run verb_buy;
verb_run verb_transfer;
verb_run verb_market_post_update;
verb_run verb_market_post_cancel;
verb_run verb_market_bid_cancel;
verb_run verb_market_policy;
verb_run verb_market_line;
verb_run verb_market_halt;
verb_run verb_market_open;
verb_run verb_chain_sealer;
verb_run verb_chain_init;
verb_run verb_chain_genesis;
verb_run verb_chain_receipt;
verb_run verb_chain_verify_receipt;
verb_run verb_chain_verify;
verb_run verb_chain_export;
verb_run verb_chain_import;
verb_run verb_chain_backup;
verb_run verb_help;
verb_run verb_completion;
verb_run verb_complete;

#endif
