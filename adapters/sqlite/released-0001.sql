-- A database as the version with migration 1 alone left it, written by that version: nothing here is ever edited.
-- A delivery of job_completed was tried four times; job_failed and job_forgotten (whose row was purged) wait for their first.
CREATE TABLE ffkiln_directories (
      id TEXT NOT NULL PRIMARY KEY,
      owner TEXT NOT NULL,
      ttl_seconds INTEGER NOT NULL,
      created_at TEXT NOT NULL,
      expires_at TEXT NOT NULL
    ) STRICT;
INSERT INTO "ffkiln_directories" VALUES('dir_released','key_JxMDj1VrICFrWa6YGxMLzd',86400,'2026-11-20T10:00:00.000Z','2026-11-21T10:00:00.000Z');
CREATE TABLE ffkiln_files (
      dir TEXT NOT NULL,
      name TEXT NOT NULL,
      key TEXT NOT NULL,
      bytes INTEGER,
      origin TEXT NOT NULL,
      added_at TEXT NOT NULL,
      PRIMARY KEY (dir, name)
    ) STRICT;
INSERT INTO "ffkiln_files" VALUES('dir_released','in.mp4','dir_released/blob_1/in.mp4',1000,'upload','2026-11-20T10:00:00.000Z');
INSERT INTO "ffkiln_files" VALUES('dir_released','announced.mp4','dir_released/blob_2/announced.mp4',NULL,'upload','2026-11-20T10:00:00.000Z');
INSERT INTO "ffkiln_files" VALUES('dir_released','out.mp4','dir_released/job_completed-1/out.mp4',70,'output','2026-11-20T10:00:02.000Z');
CREATE TABLE ffkiln_job_inputs (
      job TEXT NOT NULL REFERENCES ffkiln_jobs (id) ON DELETE CASCADE,
      dir TEXT NOT NULL,
      key TEXT NOT NULL,
      PRIMARY KEY (job, key)
    ) STRICT;
INSERT INTO "ffkiln_job_inputs" VALUES('job_completed','dir_released','dir_released/blob_1/in.mp4');
INSERT INTO "ffkiln_job_inputs" VALUES('job_failed','dir_released','dir_released/blob_1/in.mp4');
INSERT INTO "ffkiln_job_inputs" VALUES('job_cancelled','dir_released','dir_released/blob_1/in.mp4');
INSERT INTO "ffkiln_job_inputs" VALUES('job_running','dir_released','dir_released/blob_1/in.mp4');
INSERT INTO "ffkiln_job_inputs" VALUES('job_waiting','dir_released','dir_released/blob_1/in.mp4');
CREATE TABLE ffkiln_jobs (
      id TEXT NOT NULL PRIMARY KEY,
      owner TEXT NOT NULL,
      state TEXT NOT NULL,
      directory TEXT NOT NULL,
      task TEXT NOT NULL,
      priority INTEGER NOT NULL,
      webhook_url TEXT,
      attempt INTEGER NOT NULL,
      lease_until TEXT,
      holder TEXT,
      progress REAL,
      outputs TEXT NOT NULL,
      warnings TEXT NOT NULL,
      usage TEXT,
      failure TEXT,
      created_at TEXT NOT NULL,
      started_at TEXT,
      finished_at TEXT
    ) STRICT;
INSERT INTO "ffkiln_jobs" VALUES('job_completed','key_JxMDj1VrICFrWa6YGxMLzd','completed','dir_released','{"directory":"dir_released","inputs":[{"name":"in.mp4","key":"dir_released/blob_1/in.mp4","bytes":1000,"options":["-ss","1"]}],"outputs":[{"name":"out.mp4","options":["-crf","23"],"maps":["0:v"]}],"filterComplex":null}',0,'https://example.com/hook',1,NULL,'',NULL,'[{"name":"out.mp4","bytes":70}]','[]','{"seconds":2,"inputBytes":1073741824,"outputBytes":536870912}',NULL,'2026-11-20T10:00:00.000Z','2026-11-20T10:00:01.000Z','2026-11-20T10:00:02.000Z');
INSERT INTO "ffkiln_jobs" VALUES('job_failed','key_JxMDj1VrICFrWa6YGxMLzd','failed','dir_released','{"directory":"dir_released","inputs":[{"name":"in.mp4","key":"dir_released/blob_1/in.mp4","bytes":1000,"options":["-ss","1"]}],"outputs":[{"name":"out.mp4","options":["-crf","23"],"maps":["0:v"]}],"filterComplex":null}',0,'https://example.com/hook',1,NULL,'',NULL,'[]','[]','{"seconds":1,"inputBytes":1073741824,"outputBytes":0}','{"reason":"ffmpeg","detail":"no such filter"}','2026-11-20T10:00:03.000Z','2026-11-20T10:00:04.000Z','2026-11-20T10:00:04.000Z');
INSERT INTO "ffkiln_jobs" VALUES('job_cancelled','key_JxMDj1VrICFrWa6YGxMLzd','cancelled','dir_released','{"directory":"dir_released","inputs":[{"name":"in.mp4","key":"dir_released/blob_1/in.mp4","bytes":1000,"options":["-ss","1"]}],"outputs":[{"name":"out.mp4","options":["-crf","23"],"maps":["0:v"]}],"filterComplex":null}',0,NULL,0,NULL,NULL,NULL,'[]','[]',NULL,NULL,'2026-11-20T10:00:07.000Z',NULL,'2026-11-20T10:00:07.000Z');
INSERT INTO "ffkiln_jobs" VALUES('job_running','key_JxMDj1VrICFrWa6YGxMLzd','processing','dir_released','{"directory":"dir_released","inputs":[{"name":"in.mp4","key":"dir_released/blob_1/in.mp4","bytes":1000,"options":["-ss","1"]}],"outputs":[{"name":"out.mp4","options":["-crf","23"],"maps":["0:v"]}],"filterComplex":null}',0,'https://example.com/hook',1,'2026-11-20T10:01:07.000Z','',NULL,'[]','[]',NULL,NULL,'2026-11-20T10:00:07.000Z','2026-11-20T10:00:07.000Z',NULL);
INSERT INTO "ffkiln_jobs" VALUES('job_waiting','key_JxMDj1VrICFrWa6YGxMLzd','pending','dir_released','{"directory":"dir_released","inputs":[{"name":"in.mp4","key":"dir_released/blob_1/in.mp4","bytes":1000,"options":["-ss","1"]}],"outputs":[{"name":"out.mp4","options":["-crf","23"],"maps":["0:v"]}],"filterComplex":null}',0,NULL,0,NULL,NULL,NULL,'[]','[]',NULL,NULL,'2026-11-20T10:00:07.000Z',NULL,NULL);
CREATE TABLE ffkiln_keys (
      id TEXT NOT NULL PRIMARY KEY,
      secret_hash TEXT NOT NULL,
      first INTEGER UNIQUE,
      created_at TEXT NOT NULL
    ) STRICT;
INSERT INTO "ffkiln_keys" VALUES('key_JxMDj1VrICFrWa6YGxMLzd','7e94e5df5930e2de3bd9ce2b87c0e04a43b133c55da17bd152b8e68912daff6c',1,'2026-11-20T10:00:00.000Z');
CREATE TABLE ffkiln_migration_lock (id INTEGER PRIMARY KEY);
CREATE TABLE "ffkiln_migrations" (
  migration_id integer PRIMARY KEY NOT NULL,
  created_at datetime NOT NULL DEFAULT current_timestamp,
  name VARCHAR(255) NOT NULL
);
INSERT INTO "ffkiln_migrations" VALUES(1,'2026-11-23 12:43:20','first');
CREATE TABLE ffkiln_outbox (
      job TEXT NOT NULL PRIMARY KEY,
      owner TEXT NOT NULL,
      url TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      due_at TEXT NOT NULL
    ) STRICT;
INSERT INTO "ffkiln_outbox" VALUES('job_completed','key_JxMDj1VrICFrWa6YGxMLzd','https://example.com/hook',4,'2026-11-20T11:00:00.000Z');
INSERT INTO "ffkiln_outbox" VALUES('job_failed','key_JxMDj1VrICFrWa6YGxMLzd','https://example.com/hook',0,'2026-11-20T10:00:04.000Z');
INSERT INTO "ffkiln_outbox" VALUES('job_forgotten','key_JxMDj1VrICFrWa6YGxMLzd','https://example.com/hook',0,'2026-11-20T10:00:07.000Z');
CREATE TABLE ffkiln_usage (
      owner TEXT NOT NULL,
      month TEXT NOT NULL,
      jobs INTEGER NOT NULL,
      probes INTEGER NOT NULL,
      seconds REAL NOT NULL,
      input_bytes INTEGER NOT NULL,
      output_bytes INTEGER NOT NULL,
      gib_seconds REAL NOT NULL,
      PRIMARY KEY (owner, month)
    ) STRICT;
INSERT INTO "ffkiln_usage" VALUES('key_JxMDj1VrICFrWa6YGxMLzd','2026-11',3,1,5.0,2147484648,536870912,4.000000931);
CREATE INDEX ffkiln_jobs_pending ON ffkiln_jobs (priority DESC, created_at, id) WHERE state = 'pending';
CREATE INDEX ffkiln_jobs_processing ON ffkiln_jobs (lease_until) WHERE state = 'processing';
CREATE INDEX ffkiln_jobs_holders ON ffkiln_jobs (holder) WHERE state = 'processing';
CREATE INDEX ffkiln_jobs_live ON ffkiln_jobs (directory) WHERE state IN ('pending', 'processing');
CREATE INDEX ffkiln_jobs_finished ON ffkiln_jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX ffkiln_job_inputs_key ON ffkiln_job_inputs (dir, key);
CREATE INDEX ffkiln_directories_owner ON ffkiln_directories (owner, created_at, id);
CREATE INDEX ffkiln_directories_expires ON ffkiln_directories (expires_at);
CREATE INDEX ffkiln_files_key ON ffkiln_files (key);
CREATE INDEX ffkiln_outbox_due ON ffkiln_outbox (due_at, job);
