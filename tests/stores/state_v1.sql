-- A state of schema version 1 as it was left by an interrupted run. Never edit it.
BEGIN TRANSACTION;
CREATE TABLE sqlpipes_assets (
	target TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	version TEXT NOT NULL, 
	version_since BIGINT NOT NULL, 
	checks_version TEXT NOT NULL, 
	checked_at BIGINT NOT NULL, 
	token TEXT, 
	relation TEXT, 
	failed BOOLEAN NOT NULL, 
	built_at TEXT, 
	definition TEXT, 
	PRIMARY KEY (target, asset)
);
INSERT INTO "sqlpipes_assets" VALUES('dev','orders','v1',2,'c1',1,NULL,'main.orders',0,'2024-05-01T12:00:00','select 1');
INSERT INTO "sqlpipes_assets" VALUES('dev','facts','v1',4,'',3,NULL,NULL,0,'2024-05-01T12:00:00','');
CREATE TABLE sqlpipes_checks (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	target TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	check_name TEXT NOT NULL, 
	at TEXT NOT NULL, 
	status TEXT NOT NULL, 
	failures BIGINT NOT NULL, 
	seconds FLOAT NOT NULL, 
	message TEXT NOT NULL, 
	columns TEXT NOT NULL, 
	sample TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "sqlpipes_checks" VALUES(1,'r1','dev','orders','orders.unique.id','2024-05-01T12:00:00','warn',2,0.1,'','["id"]','[[1],[2]]');
CREATE TABLE sqlpipes_marks (
	target TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	step_id BIGINT NOT NULL, 
	slices TEXT NOT NULL, 
	version TEXT NOT NULL, 
	read_at BIGINT NOT NULL, 
	full_rewrite BOOLEAN NOT NULL, 
	alive BOOLEAN NOT NULL, 
	PRIMARY KEY (target, asset, step_id)
)
 WITHOUT ROWID

;
INSERT INTO "sqlpipes_marks" VALUES('dev','facts',3,'{"grain":"day","ranges":[[8,10]]}','v2',5,0,0);
CREATE TABLE sqlpipes_runs (
	id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	target TEXT NOT NULL, 
	status TEXT NOT NULL, 
	command TEXT NOT NULL, 
	started_at TEXT NOT NULL, 
	finished_at TEXT, 
	seconds FLOAT, 
	planned INTEGER NOT NULL, 
	current INTEGER NOT NULL, 
	selected TEXT NOT NULL, 
	pid BIGINT NOT NULL, 
	place TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (target, run_id)
);
INSERT INTO "sqlpipes_runs" VALUES(1,'r1','dev','interrupted','sqlpipes build','2024-05-01T12:00:00','2024-05-01T12:00:00',1.5,1,0,'["orders+"]',4711,'laptop:/home/me/shop');
CREATE TABLE sqlpipes_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "sqlpipes_schema" VALUES(1);
CREATE TABLE sqlpipes_slices (
	target TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	grain TEXT NOT NULL, 
	low BIGINT NOT NULL, 
	high BIGINT NOT NULL, 
	version TEXT NOT NULL, 
	read_at BIGINT NOT NULL, 
	written_at BIGINT NOT NULL, 
	PRIMARY KEY (target, asset, grain, low)
)
 WITHOUT ROWID

;
INSERT INTO "sqlpipes_slices" VALUES('dev','facts','day',0,10,'v1',3,4);
INSERT INTO "sqlpipes_slices" VALUES('dev','orders','whole',0,1,'v1',1,2);
CREATE TABLE sqlpipes_stamps (
	target TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (target, "key")
)
 WITHOUT ROWID

;
INSERT INTO "sqlpipes_stamps" VALUES('dev','warehouse','x');
CREATE TABLE sqlpipes_steps (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id TEXT NOT NULL, 
	target TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	action TEXT NOT NULL, 
	status TEXT NOT NULL, 
	version TEXT DEFAULT '' NOT NULL, 
	checks_version TEXT DEFAULT '' NOT NULL, 
	slices TEXT NOT NULL, 
	full_rewrite BOOLEAN DEFAULT 0 NOT NULL, 
	read_at BIGINT, 
	written_at BIGINT, 
	started_at TEXT NOT NULL, 
	finished_at TEXT, 
	seconds FLOAT, 
	row_count BIGINT, 
	because TEXT DEFAULT '' NOT NULL, 
	reasons TEXT DEFAULT '[]' NOT NULL, 
	statements TEXT DEFAULT '[]' NOT NULL, 
	problems TEXT DEFAULT '[]' NOT NULL, 
	statement TEXT, 
	metadata TEXT DEFAULT '{}' NOT NULL
);
INSERT INTO "sqlpipes_steps" VALUES(1,'r1','dev','orders','create table','success','v1','c1','{"grain":"whole","ranges":[[0,1]]}',0,1,2,'2024-05-01T12:00:00','2024-05-01T12:00:00',0.25,NULL,'','["never built"]','["select 1"]','[]',NULL,'{}');
INSERT INTO "sqlpipes_steps" VALUES(2,'r1','dev','facts','create table','success','v1','','{"grain":"day","ranges":[[0,10]]}',0,3,4,'2024-05-01T12:00:00','2024-05-01T12:00:00',0.25,NULL,'','["never built"]','[]','[]',NULL,'{}');
INSERT INTO "sqlpipes_steps" VALUES(3,'r1','dev','facts','create table','interrupted','v2','','{"grain":"day","ranges":[[8,10]]}',0,5,NULL,'2024-05-01T12:00:00',NULL,NULL,NULL,'','["never built"]','[]','[]',NULL,'{}');
CREATE TABLE sqlpipes_ticks (
	target TEXT NOT NULL, 
	tick BIGINT NOT NULL, 
	PRIMARY KEY (target)
)
 WITHOUT ROWID

;
INSERT INTO "sqlpipes_ticks" VALUES('dev',7);
CREATE INDEX sqlpipes_runs_by_status ON sqlpipes_runs (target, status);
CREATE INDEX sqlpipes_steps_by_asset ON sqlpipes_steps (target, asset, written_at);
CREATE INDEX sqlpipes_steps_by_run ON sqlpipes_steps (run_id, asset);
CREATE INDEX sqlpipes_checks_by_run ON sqlpipes_checks (run_id);
CREATE INDEX sqlpipes_checks_by_name ON sqlpipes_checks (target, check_name);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('sqlpipes_steps',3);
COMMIT;
