/**
 * The table of settings: every setting of Celery 5.6 with its type, default, smallest value and document, and the names
 * it goes by. The types `Settings` and `SettingsInput` are read off the table. How values are checked is
 * `setting-types.ts`; where they come from is `config.ts`.
 *
 * The name is camelCase; the wire's name (`task_acks_late`) and the old one (`CELERY_ACKS_LATE`) follow from it, and a
 * row lists old names only where they do not. `null` is Celery's None: nothing, no limit, or for ever.
 */
import { CONTROL_NAMESPACE, DEFAULT_QUEUE, EVENT_EXCHANGE, EVENT_QUEUE_PREFIX } from '../protocol/names.ts'
import { snakeCase } from '../util/case.ts'
import type { SnakeCase } from '../util/case.ts'
import type { SettingType, SettingTypes } from './setting-types.ts'

/** One setting. Its document is the comment above the row. */
export interface SettingRow {
  readonly type: SettingType
  /** `null` also says that the setting may be null. */
  readonly default: unknown
  /** May be null although the default is not. */
  readonly nullable?: true
  /** Where it is null, the value of this setting stands in. */
  readonly fallback?: string
  /** Only these values. */
  readonly choices?: readonly (string | number)[]
  /** The smallest number. */
  readonly min?: number
  /** Old names, where they are not the ones that the group's rule gives. */
  readonly old?: readonly string[]
  /** Other spellings, which no source is blamed for. */
  readonly also?: readonly string[]
  /** An environment variable that wins over configuration files. */
  readonly env?: string
  /** What to use instead of a setting that will go. */
  readonly insteadUse?: string
  /** Means something in Python only: accepted, ignored, and said so once. */
  readonly python?: true
  /** Belongs to a result backend that is not part of this package: likewise. */
  readonly elsewhere?: true
}

/** All rows, by camelCase name. */
export const SETTINGS = {
  // General

  /** Serializers (names or MIME types) that are accepted in messages. Others are refused before they are looked at. */
  acceptContent: { type: 'list', default: ['json'], old: ['CELERY_ACCEPT_CONTENT'] },
  /** Serializers (names or MIME types) that are accepted in stored results. Default: `acceptContent`. */
  resultAcceptContent: {
    type: 'list',
    default: null,
    fallback: 'acceptContent',
    old: ['RESULT_ACCEPT_CONTENT', 'CELERY_RESULT_ACCEPT_CONTENT'],
  },
  /** Times in messages are UTC. When off, and `timezone` is not set, the system's time zone counts. */
  enableUtc: { type: 'bool', default: true, old: ['ENABLE_UTC', 'CELERY_ENABLE_UTC'] },
  /** The IANA time zone of crontab schedules and of times without an offset. */
  timezone: { type: 'timezone', default: 'UTC', old: ['CELERY_TIMEZONE'], also: ['TIME_ZONE'] },
  /** Modules that the worker imports when it starts, in this order. */
  imports: { type: 'list', default: [], old: ['CELERY_IMPORTS'] },
  /** More modules, imported after `imports`; the constructor's `include`. */
  include: { type: 'list', default: [], old: ['CELERY_INCLUDE'] },

  // Tasks: messages and execution

  /** Changes of task options from outside: by task name, `*` for all (which wins), or a list of these and of objects with an `annotate(task)` method. */
  taskAnnotations: { type: 'annotations', default: null },
  /** How task messages are compressed: `gzip`, `zstd`, `brotli`, `bzip2` ... */
  taskCompression: { type: 'string', default: null, old: ['CELERY_MESSAGE_COMPRESSION', 'CELERY_COMPRESSION'] },
  /** The version of the task message that is sent; both are understood. */
  taskProtocol: { type: 'int', default: 2, choices: [1, 2], old: ['CELERY_TASK_PROTOCOL'] },
  /** How arguments are written: `json`, `yaml`, `msgpack`, `pickle` or a registered one. */
  taskSerializer: { type: 'string', default: 'json', old: ['CELERY_TASK_SERIALIZER'] },
  /** Try again when the broker is away while publishing. */
  taskPublishRetry: { type: 'bool', default: true, old: ['CELERY_TASK_PUBLISH_RETRY', 'CELERY_PUBLISH_RETRY'] },
  /** How publishing is tried again: `maxRetries` (null is any number); `intervalStart`, `intervalStep`, `intervalMax`, and `timeout` for all of it, in seconds. */
  taskPublishRetryPolicy: {
    type: 'retryPolicy',
    default: { maxRetries: null, intervalStart: 0, intervalStep: 0.2, intervalMax: 1, timeout: 30 },
    old: ['CELERY_TASK_PUBLISH_RETRY_POLICY', 'CELERY_PUBLISH_RETRY_POLICY'],
  },
  /** Run tasks in the calling process instead of sending them; for tests. `sendTask` still sends. */
  taskAlwaysEager: { type: 'bool', default: false, old: ['CELERY_ALWAYS_EAGER', 'CELERY_TASK_ALWAYS_EAGER'] },
  /** Errors of tasks that run eagerly are thrown at the caller. */
  taskEagerPropagates: {
    type: 'bool',
    default: false,
    old: ['CELERY_EAGER_PROPAGATES_EXCEPTIONS', 'CELERY_EAGER_PROPAGATES'],
  },
  /** Store results of tasks that run eagerly. */
  taskStoreEagerResult: { type: 'bool', default: false },
  /** Send tracebacks that can be raised again. */
  taskRemoteTracebacks: { type: 'bool', default: false, python: true },
  /** Store no results. */
  taskIgnoreResult: { type: 'bool', default: false },
  /** Store failures even where results are ignored. */
  taskStoreErrorsEvenIfIgnored: { type: 'bool', default: false },
  /** Store the state STARTED when a task starts. */
  taskTrackStarted: { type: 'bool', default: false, old: ['CELERY_TRACK_STARTED', 'CELERY_TASK_TRACK_STARTED'] },
  /** The hard time limit in seconds: the task's process is killed. */
  taskTimeLimit: { type: 'seconds', default: null, min: 0, old: ['CELERYD_TASK_TIME_LIMIT', 'CELERYD_TIME_LIMIT'] },
  /** The soft time limit in seconds: the task's `signal` is aborted. */
  taskSoftTimeLimit: {
    type: 'seconds',
    default: null,
    min: 0,
    old: ['CELERYD_TASK_SOFT_TIME_LIMIT', 'CELERYD_SOFT_TIME_LIMIT'],
  },
  /** Warn when a work-flow with more tasks than this is sent; null never. */
  taskWorkflowWarnSize: { type: 'int', default: 10_000, nullable: true, min: 1 },
  /** `linkError` of a chord is also attached to the tasks of its header. */
  taskAllowErrorCbOnChordHeader: { type: 'bool', default: false },
  /** Acknowledge after the task has run instead of before: a task that is cut off runs again. */
  taskAcksLate: { type: 'bool', default: false },
  /** With `taskAcksLate`: also acknowledge tasks that failed or timed out. */
  taskAcksOnFailureOrTimeout: { type: 'bool', default: true, insteadUse: 'taskAcksOnFailure and taskAcksOnTimeout' },
  /** With `taskAcksLate`: acknowledge tasks that failed; otherwise reject them for good. Default: `taskAcksOnFailureOrTimeout`. */
  taskAcksOnFailure: { type: 'bool', default: null, fallback: 'taskAcksOnFailureOrTimeout' },
  /** With `taskAcksLate`: acknowledge tasks that timed out; otherwise they go back to their queue. Default: `taskAcksOnFailureOrTimeout`. */
  taskAcksOnTimeout: { type: 'bool', default: null, fallback: 'taskAcksOnFailureOrTimeout' },
  /** With `taskAcksLate`: a task whose process vanished goes back to its queue instead of failing. */
  taskRejectOnWorkerLost: {
    type: 'bool',
    default: null,
    old: ['CELERY_REJECT_ON_WORKER_LOST', 'CELERY_TASK_REJECT_ON_WORKER_LOST'],
  },
  /** The rate limit of tasks that have none: `10/s`, `100/m`, `5/h` or a number a second. */
  taskDefaultRateLimit: { type: 'rateLimit', default: null },
  /** The priority of messages that are given none. */
  taskDefaultPriority: { type: 'int', default: null, min: 0 },
  /** Tasks called by a task get its priority. */
  taskInheritParentPriority: { type: 'bool', default: false },
  /** Callers send a `task-sent` event for each task. */
  taskSendSentEvent: { type: 'bool', default: false, old: ['CELERY_SEND_TASK_SENT_EVENT', 'CELERY_SEND_SENT_EVENT'] },

  // Tasks: routing

  /** The queues that are declared, and consumed unless `-Q` says otherwise: a list, or an object by name. */
  taskQueues: { type: 'queues', default: null },
  /** Which task goes where: an object by name or glob, a list of pairs, functions, or a list of all these. */
  taskRoutes: { type: 'routes', default: null },
  /** The highest priority of queues that name none. RabbitMQ needs it to honour priorities. */
  taskQueueMaxPriority: { type: 'int', default: null, min: 1 },
  /** Queues that are not in `taskQueues` are made when they are named. */
  taskCreateMissingQueues: { type: 'bool', default: true },
  /** RabbitMQ's type of queues that are made because they were named. */
  taskCreateMissingQueueType: { type: 'string', default: 'classic', choices: ['classic', 'quorum'] },
  /** The type of the exchange of queues that are made because they were named. Default: direct. */
  taskCreateMissingQueueExchangeType: {
    type: 'string',
    default: null,
    choices: ['direct', 'topic', 'fanout', 'headers'],
  },
  /** Where tasks go that are not routed elsewhere. */
  taskDefaultQueue: { type: 'string', default: DEFAULT_QUEUE as string },
  /** RabbitMQ's type of the default queue. */
  taskDefaultQueueType: { type: 'string', default: 'classic', choices: ['classic', 'quorum'] },
  /** The exchange of queues that name none. Default: named as the default queue. */
  taskDefaultExchange: { type: 'string', default: null, fallback: 'taskDefaultQueue' },
  /** The type of the default exchange. */
  taskDefaultExchangeType: { type: 'string', default: 'direct', choices: ['direct', 'topic', 'fanout', 'headers'] },
  /** The routing key of queues that name none. Default: named as the default queue. */
  taskDefaultRoutingKey: { type: 'string', default: null, fallback: 'taskDefaultQueue' },
  /** 2 (`persistent`): messages outlive a restart of the broker; 1 (`transient`): they may not. */
  taskDefaultDeliveryMode: { type: 'deliveryMode', default: 2 },
  /** Each worker consumes a queue of its own besides. */
  workerDirect: { type: 'bool', default: false, old: ['CELERY_WORKER_DIRECT'] },

  // Broker

  /** The broker; several, as a list or with `;` between, are tried in turn. Celery's default needs a server, ours does not. */
  brokerUrl: { type: 'url', default: 'sqlite:///celeriac.db', also: ['broker'], env: 'CELERY_BROKER_URL' },
  /** Another URL for consuming. Default: `brokerUrl`. */
  brokerReadUrl: { type: 'url', default: null, fallback: 'brokerUrl', env: 'CELERY_BROKER_READ_URL' },
  /** Another URL for publishing. Default: `brokerUrl`. */
  brokerWriteUrl: { type: 'url', default: null, fallback: 'brokerUrl', env: 'CELERY_BROKER_WRITE_URL' },
  /** The scheme, where the broker is given in parts instead of a URL. */
  brokerTransport: { type: 'string', default: null },
  /** Options of the transport, checked by it. */
  brokerTransportOptions: { type: 'dict', default: {} },
  /** How long a worker waits for a connection, in seconds. */
  brokerConnectionTimeout: { type: 'seconds', default: 4, nullable: true, min: 0 },
  /** Connect again when the connection is lost. */
  brokerConnectionRetry: { type: 'bool', default: true },
  /** Try again when the first connection cannot be had. Default: `brokerConnectionRetry`. */
  brokerConnectionRetryOnStartup: { type: 'bool', default: null, fallback: 'brokerConnectionRetry' },
  /** How often connecting is tried before giving up; 0 gives up at once, null never. */
  brokerConnectionMaxRetries: { type: 'int', default: 100, nullable: true, min: 0 },
  /** Try again when the broker refuses the queues at the start; a worker that has started always does. */
  brokerChannelErrorRetry: { type: 'bool', default: false },
  /** The order of several URLs: `round-robin`, `shuffle`, or a function from the list to an iterable. */
  brokerFailoverStrategy: { type: 'failover', default: null },
  /** AMQP's heartbeat in seconds; 0 is none. */
  brokerHeartbeat: { type: 'seconds', default: 120, nullable: true, min: 0 },
  /** The heartbeat is looked at so many times in its interval. */
  brokerHeartbeatCheckrate: { type: 'float', default: 3, min: 0 },
  /** AMQP's way to log in, such as `PLAIN` or `AMQPLAIN`. */
  brokerLoginMethod: { type: 'string', default: null },
  /** RabbitMQ's type of the queues behind delayed delivery. */
  brokerNativeDelayedDeliveryQueueType: { type: 'string', default: 'quorum', choices: ['quorum', 'classic'] },
  /** How many connections publishers keep; 0 or null keeps none. */
  brokerPoolLimit: { type: 'int', default: 10, nullable: true, min: 0 },
  /** How long a publisher waits for a free connection before `OperationalError`, in seconds; null waits for ever. */
  brokerPoolAcquireTimeout: { type: 'seconds', default: null, min: 0 },
  /** TLS: true, or its options (AMQP `keyfile`, `certfile`, `ca_certs`, `cert_reqs`; Redis `ssl_cert_reqs` and so on). */
  brokerUseSsl: { type: 'tls', default: false },
  /** The broker's host, where it is given in parts. */
  brokerHost: { type: 'string', default: null },
  /** The broker's port, where it is given in parts. */
  brokerPort: { type: 'int', default: null, min: 0 },
  /** The broker's user, where it is given in parts. */
  brokerUser: { type: 'string', default: null },
  /** The broker's password, where it is given in parts. */
  brokerPassword: { type: 'string', default: null },
  /** The broker's virtual host, or Redis' database, where it is given in parts. */
  brokerVhost: { type: 'string', default: null },

  // Result backend: all of them

  /** Where results are stored: a URL. Default: the broker's SQLite file when the broker is the default too, else none. */
  resultBackend: { type: 'string', default: null, also: ['backend'], env: 'CELERY_RESULT_BACKEND' },
  /** Try again after errors of the backend that may pass. */
  resultBackendAlwaysRetry: { type: 'bool', default: false },
  /** The longest wait between attempts at the backend (`resultBackendAlwaysRetry`), in milliseconds. */
  resultBackendMaxSleepBetweenRetriesMs: { type: 'milliseconds', default: 10000, min: 0 },
  /** The first wait between attempts at the backend, in milliseconds; it doubles each time. */
  resultBackendBaseSleepBetweenRetriesMs: { type: 'milliseconds', default: 10, min: 0 },
  /** How often the backend is tried again (`resultBackendAlwaysRetry`); null is for ever. */
  resultBackendMaxRetries: { type: 'int', default: null, min: 0 },
  /** Share one backend among threads. */
  resultBackendThreadSafe: { type: 'bool', default: false, python: true },
  /** Options of the backend, checked by it. */
  resultBackendTransportOptions: { type: 'dict', default: {} },
  /** How results are written. */
  resultSerializer: { type: 'string', default: 'json' },
  /** How results are compressed. */
  resultCompression: { type: 'string', default: null },
  /** Also store name, arguments, worker, retries and queue of the task. */
  resultExtended: { type: 'bool', default: false },
  /** How long results are kept, in seconds: a day; 0 or null is for ever. */
  resultExpires: {
    type: 'seconds',
    default: 86400,
    nullable: true,
    min: 0,
    old: ['CELERY_TASK_RESULT_EXPIRES', 'CELERY_RESULT_EXPIRES'],
  },
  /** How many results a client remembers; -1 is none, 0 or null any number. */
  resultCacheMax: {
    type: 'int',
    default: -1,
    nullable: true,
    min: -1,
    old: ['CELERY_MAX_CACHED_RESULTS', 'CELERY_RESULT_CACHE_MAX'],
  },
  /** How long the results of a chord's header may take to be gathered, in seconds. */
  resultChordJoinTimeout: { type: 'seconds', default: 3, min: 0 },
  /** How often a chord is looked at on backends that do not count, in seconds. */
  resultChordRetryInterval: { type: 'seconds', default: 1, min: 0 },
  /** The exchange of a backend that Celery no longer has. */
  resultExchange: { type: 'string', default: 'celeryresults', elsewhere: true },
  /** The type of the exchange of a backend that Celery no longer has. */
  resultExchangeType: { type: 'string', default: 'direct', elsewhere: true },
  /** Results that travel as messages (`rpc://`) outlive a restart of the broker. */
  resultPersistent: { type: 'bool', default: null },
  /** Other backend classes for known names; register a backend for that. */
  overrideBackends: { type: 'dict', default: {}, python: true },

  // Result backend: databases

  /** The database, where `resultBackend` is only `database`. */
  databaseUrl: { type: 'string', default: null, old: ['CELERY_RESULT_DBURI', 'DATABASE_URL'] },
  /** Options of SQLAlchemy's engine. */
  databaseEngineOptions: {
    type: 'dict',
    default: {},
    nullable: true,
    python: true,
    old: ['CELERY_RESULT_ENGINE_OPTIONS'],
  },
  /** A new session of SQLAlchemy for each operation. */
  databaseShortLivedSessions: {
    type: 'bool',
    default: false,
    python: true,
    old: ['CELERY_RESULT_DB_SHORT_LIVED_SESSIONS'],
  },
  /** The schemas of the tables of results: keys `task` and `group`. */
  databaseTableSchemas: { type: 'dict', default: {}, nullable: true },
  /** The names of the tables of results: keys `task` and `group`. */
  databaseTableNames: {
    type: 'dict',
    default: {},
    nullable: true,
    old: ['CELERY_RESULT_DB_TABLENAMES', 'CELERY_RESULT_DB_TABLE_NAMES'],
  },
  /** Create the tables of results when the backend is opened, not when they are first used. */
  databaseCreateTablesAtSetup: { type: 'bool', default: true },
  /** Called with SQLAlchemy's engine. */
  databaseEngineCallback: { type: 'any', default: null, python: true },
  /** A cache of Django's. */
  cacheBackend: { type: 'string', default: null, python: true },
  /** Options of pylibmc. */
  cacheBackendOptions: { type: 'dict', default: {}, python: true },
  /** MongoDB: `database`, `taskmeta_collection`, `groupmeta_collection`, `max_pool_size`, `options`, `host` and so on. */
  mongodbBackendSettings: { type: 'dict', default: null },

  // Result backend: Redis

  /** The host of Redis, where `resultBackend` is only `redis`. */
  redisHost: { type: 'string', default: null },
  /** The port of Redis, where `resultBackend` is only `redis`. */
  redisPort: { type: 'int', default: null, min: 0 },
  /** The number of Redis' database, where `resultBackend` is only `redis`. */
  redisDb: { type: 'int', default: null, min: 0 },
  /** The user at Redis, where `resultBackend` is only `redis`. */
  redisUsername: { type: 'string', default: null },
  /** The password at Redis, where `resultBackend` is only `redis`. */
  redisPassword: { type: 'string', default: null },
  /** How many connections to Redis the backend keeps at most. Default: no limit. */
  redisMaxConnections: { type: 'int', default: null, min: 1 },
  /** How long a command of the Redis backend may take, in seconds. */
  redisSocketTimeout: { type: 'seconds', default: 120, nullable: true, min: 0 },
  /** How long connecting to the Redis backend may take, in seconds. */
  redisSocketConnectTimeout: { type: 'seconds', default: null, min: 0 },
  /** Try a command of the Redis backend again that took too long. */
  redisRetryOnTimeout: { type: 'bool', default: false },
  /** TCP's keep-alive on connections of the Redis backend. */
  redisSocketKeepalive: { type: 'bool', default: false },
  /** TLS of the Redis backend: true, or the options that `brokerUseSsl` has for Redis. */
  redisBackendUseSsl: { type: 'tls', default: null },
  /** Ask Redis whether it is there every so many seconds. */
  redisBackendHealthCheckInterval: { type: 'seconds', default: null, min: 0 },
  /** A class that brings user and password of the Redis backend. */
  redisBackendCredentialProvider: { type: 'any', default: null, python: true },
  /** What the backend's connections are called in Redis' list of clients. */
  redisClientName: { type: 'string', default: null },

  // Result backends that this package does not have

  /** Cassandra backend: hosts. */
  cassandraServers: { type: 'list', default: [], nullable: true, elsewhere: true },
  /** Cassandra backend: the bundle of Astra DB. */
  cassandraSecureBundlePath: { type: 'string', default: null, also: ['cassandra_bundle_path'], elsewhere: true },
  /** Cassandra backend: the port. */
  cassandraPort: { type: 'int', default: 9042, nullable: true, min: 0, elsewhere: true },
  /** Cassandra backend: the keyspace. */
  cassandraKeyspace: { type: 'string', default: null, elsewhere: true },
  /** Cassandra backend: the table. */
  cassandraTable: {
    type: 'string',
    default: null,
    old: ['CASSANDRA_TABLE', 'CASSANDRA_COLUMN_FAMILY'],
    elsewhere: true,
  },
  /** Cassandra backend: how many replicas must answer a read. */
  cassandraReadConsistency: { type: 'string', default: null, elsewhere: true },
  /** Cassandra backend: how many replicas must take a write. */
  cassandraWriteConsistency: { type: 'string', default: null, elsewhere: true },
  /** Cassandra backend: how long rows are kept, in seconds. */
  cassandraEntryTtl: { type: 'seconds', default: null, min: 0, elsewhere: true },
  /** Cassandra backend: how to log in. */
  cassandraAuthProvider: { type: 'string', default: null, elsewhere: true },
  /** Cassandra backend: what logging in needs. */
  cassandraAuthKwargs: { type: 'dict', default: {}, nullable: true, elsewhere: true },
  /** Cassandra backend: options of Python's driver. */
  cassandraOptions: { type: 'dict', default: {}, python: true },
  /** S3 backend: credentials. */
  s3AccessKeyId: { type: 'string', default: null, elsewhere: true },
  /** S3 backend: credentials. */
  s3SecretAccessKey: { type: 'string', default: null, elsewhere: true },
  /** S3 backend: the bucket. */
  s3Bucket: { type: 'string', default: null, elsewhere: true },
  /** S3 backend: what keys begin with. */
  s3BasePath: { type: 'string', default: null, elsewhere: true },
  /** S3 backend: another store that speaks like S3. */
  s3EndpointUrl: { type: 'string', default: null, elsewhere: true },
  /** S3 backend: the region. */
  s3Region: { type: 'string', default: null, elsewhere: true },
  /** Azure backend: the container. */
  azureblockblobContainerName: { type: 'string', default: 'celery', elsewhere: true },
  /** Azure backend: what keys begin with. */
  azureblockblobBasePath: { type: 'string', default: '', elsewhere: true },
  /** Azure backend: the first wait before trying again, in seconds. */
  azureblockblobRetryInitialBackoffSec: { type: 'seconds', default: 2, min: 0, elsewhere: true },
  /** Azure backend: the base of the exponential wait. */
  azureblockblobRetryIncrementBase: { type: 'int', default: 2, elsewhere: true },
  /** Azure backend: how often to try. */
  azureblockblobRetryMaxAttempts: { type: 'int', default: 3, min: 0, elsewhere: true },
  /** Azure backend: how long connecting may take, in seconds. */
  azureblockblobConnectionTimeout: { type: 'seconds', default: 20, min: 0, elsewhere: true },
  /** Azure backend: how long reading may take, in seconds. */
  azureblockblobReadTimeout: { type: 'seconds', default: 120, min: 0, elsewhere: true },
  /** Google Cloud Storage backend: the bucket. */
  gcsBucket: { type: 'string', default: null, elsewhere: true },
  /** Google Cloud Storage backend: the project. */
  gcsProject: { type: 'string', default: null, elsewhere: true },
  /** Google Cloud Storage backend: what keys begin with. */
  gcsBasePath: { type: 'string', default: '', elsewhere: true },
  /** Google Cloud Storage backend: how long blobs are kept, in seconds. */
  gcsTtl: { type: 'seconds', default: 0, min: 0, elsewhere: true },
  /** Google Cloud Storage backend: how many operations at the same time. */
  gcsThreadpoolMaxsize: { type: 'int', default: 10, min: 1, elsewhere: true },
  /** Google Cloud Storage backend: the project that counts chords. Default: `gcsProject`. */
  firestoreProject: { type: 'string', default: null, elsewhere: true },
  /** Elasticsearch backend: try again after a time-out. */
  elasticsearchRetryOnTimeout: { type: 'bool', default: null, elsewhere: true },
  /** Elasticsearch backend: how often to try again. */
  elasticsearchMaxRetries: { type: 'int', default: null, min: 0, elsewhere: true },
  /** Elasticsearch backend: how long an operation may take, in seconds. */
  elasticsearchTimeout: { type: 'seconds', default: null, min: 0, elsewhere: true },
  /** Elasticsearch backend: keep documents as text. */
  elasticsearchSaveMetaAsText: { type: 'bool', default: true, elsewhere: true },
  /** DynamoDB backend: an end point that is not AWS's. */
  dynamodbEndpointUrl: { type: 'string', default: null, elsewhere: true },
  /** Couchbase backend: where it is. */
  couchbaseBackendSettings: { type: 'dict', default: null, elsewhere: true },
  /** ArangoDB backend: where it is. */
  arangodbBackendSettings: { type: 'dict', default: null, elsewhere: true },
  /** Cosmos DB backend: the database. */
  cosmosdbsqlDatabaseName: { type: 'string', default: 'celerydb', elsewhere: true },
  /** Cosmos DB backend: the collection. */
  cosmosdbsqlCollectionName: { type: 'string', default: 'celerycol', elsewhere: true },
  /** Cosmos DB backend: how consistent reads are. */
  cosmosdbsqlConsistencyLevel: { type: 'string', default: 'Session', elsewhere: true },
  /** Cosmos DB backend: how often to try. */
  cosmosdbsqlMaxRetryAttempts: { type: 'int', default: 9, min: 0, elsewhere: true },
  /** Cosmos DB backend: the longest wait between attempts, in seconds. */
  cosmosdbsqlMaxRetryWaitTime: { type: 'seconds', default: 30, min: 0, elsewhere: true },

  // Worker

  /** How many tasks run at the same time. Default: the number of processors. */
  workerConcurrency: { type: 'int', default: null, min: 0 },
  /** The worker fetches so many messages for each task that runs at the same time; 0 is no limit. */
  workerPrefetchMultiplier: { type: 'int', default: 4, min: 0 },
  /** Tasks that the worker holds until their `eta` let the number of messages in hand grow no further than this. */
  workerEtaTaskLimit: { type: 'int', default: null, min: 0 },
  /** Fetch a message only when it can start at once. Brokers that push, as RabbitMQ does, cannot: then a warning says so. */
  workerDisablePrefetch: { type: 'bool', default: false },
  /** Fetch fewer messages after the connection was lost, until the tasks from before have ended. */
  workerEnablePrefetchCountReduction: { type: 'bool', default: true },
  /** Do not run a task again that is acknowledged late, whose message came again and whose result is stored as a success. */
  workerDeduplicateSuccessfulTasks: { type: 'bool', default: false },
  /** How long what a child process has reported may still arrive after its end, where another program holds its pipes open, in seconds. */
  workerLostWait: { type: 'seconds', default: 10, min: 0, old: ['CELERYD_WORKER_LOST_WAIT'] },
  /** A child process ends after so many tasks and makes room for a new one. */
  workerMaxTasksPerChild: { type: 'int', default: null, min: 1 },
  /** A child process ends, after its task, when it holds more memory than so many KiB. */
  workerMaxMemoryPerChild: { type: 'kibibytes', default: null, min: 1 },
  /** Ignore the rate limits of tasks. */
  workerDisableRateLimits: { type: 'bool', default: false, old: ['CELERY_DISABLE_RATE_LIMITS'] },
  /** The file in which revoked tasks outlive a restart. */
  workerStateDb: { type: 'string', default: null },
  /** The class of the worker's timer. */
  workerTimer: { type: 'string', default: null, python: true },
  /** The longest sleep of the worker's timer, in seconds. */
  workerTimerPrecision: { type: 'seconds', default: 1, min: 0, python: true },
  /** Listen to remote control. */
  workerEnableRemoteControl: { type: 'bool', default: true, old: ['CELERY_ENABLE_REMOTE_CONTROL'] },
  /** How long a child process may take to start, in seconds. */
  workerProcAliveTimeout: { type: 'seconds', default: 4, min: 0 },
  /** Stop tasks that are acknowledged late when the connection is lost: they will run again. */
  workerCancelLongRunningTasksOnConnectionLoss: { type: 'bool', default: false },
  /** Prefetch as RabbitMQ's quorum queues need it when there is one. */
  workerDetectQuorumQueues: { type: 'bool', default: true },
  /** How long running tasks may take to end before a cold shutdown, in seconds. */
  workerSoftShutdownTimeout: { type: 'seconds', default: 0, min: 0 },
  /** Wait for `workerSoftShutdownTimeout` even when no task runs, for those that are held back. */
  workerEnableSoftShutdownOnIdle: { type: 'bool', default: false },
  /** Where tasks run: `prefork`, `threads`, `async`, `solo` or the path of a module with a pool. */
  workerPool: { type: 'string', default: 'prefork' },
  /** Hand a task to the pool only when a process is free. */
  workerPoolPutlocks: { type: 'bool', default: true, python: true },
  /** Remote control may restart the pool. */
  workerPoolRestarts: { type: 'bool', default: false },
  /** The class of an agent inside the worker. */
  workerAgent: { type: 'string', default: null, python: true },
  /** What grows and shrinks the pool with `--autoscale`: the path of a module that exports `createAutoscaler` or has a default export. The default is ours. */
  workerAutoscaler: { type: 'string', default: 'celery.worker.autoscale:Autoscaler' },
  /** The class that consumes messages. */
  workerConsumer: { type: 'string', default: 'celery.worker.consumer:Consumer', python: true },
  /** Send events, as `-E` does. */
  workerSendTaskEvents: { type: 'bool', default: false, old: ['CELERY_SEND_EVENTS'] },
  /** Take over the root logger. */
  workerHijackRootLogger: { type: 'bool', default: true, python: true },
  /** Colours in the log. Default: when it goes to a terminal. */
  workerLogColor: { type: 'bool', default: null },
  /** Python's format of log lines. */
  workerLogFormat: {
    type: 'string',
    default: '[%(asctime)s: %(levelname)s/%(processName)s] %(message)s',
    old: ['CELERYD_LOG_FORMAT', 'CELERY_WORKER_LOG_FORMAT'],
    python: true,
  },
  /** Python's format of the lines that tasks log. */
  workerTaskLogFormat: {
    type: 'string',
    default: '[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s',
    old: ['CELERYD_TASK_LOG_FORMAT', 'CELERY_WORKER_TASK_LOG_FORMAT'],
    python: true,
  },
  /** Log what tasks print; in the worker's own process, where it has a log file. */
  workerRedirectStdouts: {
    type: 'bool',
    default: true,
    old: ['CELERY_REDIRECT_STDOUTS', 'CELERYD_REDIRECT_STDOUTS'],
  },
  /** The level at which what is printed is logged. */
  workerRedirectStdoutsLevel: {
    type: 'string',
    default: 'WARNING',
    old: ['CELERY_REDIRECT_STDOUTS_LEVEL', 'CELERYD_REDIRECT_STDOUTS_LEVEL'],
  },
  /** The worker's log file, as `--logfile`. Default: standard error. */
  workerLogfile: { type: 'string', default: null },
  /** The file that holds the worker's process id, as `--pidfile`. */
  workerPidfile: { type: 'string', default: null },
  /** The user that the worker becomes, as `--uid`: name or number. */
  workerUid: { type: 'user', default: null },
  /** The group that the worker becomes, as `--gid`: name or number. */
  workerGid: { type: 'user', default: null },
  /** The worker's umask, as `--umask`; text is octal. */
  workerUmask: { type: 'umask', default: null },
  /** The Python that runs a detached worker. */
  workerExecutable: { type: 'string', default: null, python: true },

  // Events

  /** How long events wait in a receiver's queue, in seconds. */
  eventQueueTtl: { type: 'seconds', default: 5, nullable: true, min: 0 },
  /** How long a receiver's queue outlives its receiver, in seconds. */
  eventQueueExpires: { type: 'seconds', default: 60, nullable: true, min: 0 },
  /** Receivers' queues outlive a restart of the broker. */
  eventQueueDurable: { type: 'bool', default: false },
  /** Receivers' queues belong to one connection. Not together with `eventQueueDurable`. */
  eventQueueExclusive: { type: 'bool', default: true },
  /** What the names of receivers' queues begin with. */
  eventQueuePrefix: { type: 'string', default: EVENT_QUEUE_PREFIX as string },
  /** The exchange of events. */
  eventExchange: { type: 'string', default: EVENT_EXCHANGE as string },
  /** How events are written. */
  eventSerializer: { type: 'string', default: 'json' },
  /** The log file of `celeriac events`. */
  eventsLogfile: { type: 'string', default: null },
  /** The file that holds the process id of `celeriac events`. */
  eventsPidfile: { type: 'string', default: null },
  /** The user that a detached `celeriac events` becomes: name or number. */
  eventsUid: { type: 'user', default: null },
  /** The group that a detached `celeriac events` becomes: name or number. */
  eventsGid: { type: 'user', default: null },
  /** The umask of a detached `celeriac events`; text is octal. */
  eventsUmask: { type: 'umask', default: null },
  /** The Python that runs `celery events` detached. */
  eventsExecutable: { type: 'string', default: null, python: true },

  // Remote control

  /** How long remote control's commands and replies wait in their queues, in seconds. */
  controlQueueTtl: { type: 'seconds', default: 300, nullable: true, min: 0 },
  /** How long a queue of remote control outlives its owner, in seconds. */
  controlQueueExpires: { type: 'seconds', default: 10, nullable: true, min: 0 },
  /** Remote control's queues belong to one connection. Not together with `controlQueueDurable`. */
  controlQueueExclusive: { type: 'bool', default: true },
  /** Remote control's queues outlive a restart of the broker. */
  controlQueueDurable: { type: 'bool', default: false },
  /** What the exchanges of remote control are named after. */
  controlExchange: { type: 'string', default: CONTROL_NAMESPACE as string },

  // Signed messages

  /** The file of the private key that signs messages. */
  securityKey: { type: 'string', default: null },
  /** The password of the private key that signs messages. */
  securityKeyPassword: { type: 'string', default: null },
  /** The file of the certificate that goes with `securityKey`. */
  securityCertificate: { type: 'string', default: null },
  /** The folder of the certificates that are trusted, or a glob such as `certs/*.pem`. */
  securityCertStore: { type: 'string', default: null },
  /** The digest of signatures. */
  securityDigest: { type: 'string', default: 'sha256' },

  // Beat

  /** Beat's timetable: name to task, schedule, arguments and options. */
  beatSchedule: { type: 'schedule', default: {} },
  /** Where beat's timetable lies: a URL such as `redis://localhost/0`. Default: with the broker. Python's schedulers have no effect. */
  beatScheduler: { type: 'component', default: null },
  /** The file in which beat keeps where entries stand, with RabbitMQ, which cannot keep it; `.json` is added to its name. */
  beatScheduleFilename: { type: 'string', default: 'celerybeat-schedule' },
  /** Where entries stand is written in the background, soon; beat waits for it after so many tasks. 0: it never waits. */
  beatSyncEvery: { type: 'int', default: 0, min: 0 },
  /** The longest sleep between two looks at the timetable, in seconds; never more than one, in which beat renews its lock. */
  beatMaxLoopInterval: { type: 'seconds', default: 0, min: 0 },
  /** Runs of a crontab that were missed longer ago than this, in seconds, are not made up for. */
  beatCronStartingDeadline: { type: 'seconds', default: null, min: 0 },
  /** The log file of `celeriac beat`. */
  beatLogfile: { type: 'string', default: null },
  /** The file that holds the process id of `celeriac beat`. */
  beatPidfile: { type: 'string', default: null },
  /** The user that a detached `celeriac beat` becomes: name or number. */
  beatUid: { type: 'user', default: null },
  /** The group that a detached `celeriac beat` becomes: name or number. */
  beatGid: { type: 'user', default: null },
  /** The umask of a detached `celeriac beat`; text is octal. */
  beatUmask: { type: 'umask', default: null },
  /** The Python that runs `celery beat` detached. */
  beatExecutable: { type: 'string', default: null, python: true },

  // A timetable in Redis, with RedBeat's names

  /** The Redis that holds the timetable. Default: the broker. */
  redbeatRedisUrl: { type: 'string', default: null },
  /** Options of the connection to the timetable. Default: `brokerTransportOptions`. */
  redbeatRedisOptions: { type: 'dict', default: null },
  /** TLS of the connection to the timetable. Default: `brokerUseSsl`. */
  redbeatRedisUseSsl: { type: 'tls', default: null },
  /** What the timetable's keys begin with. */
  redbeatKeyPrefix: { type: 'string', default: 'redbeat:' },
  /** The key of the lock that only one beat holds; null lets every beat run. */
  redbeatLockKey: { type: 'string', default: 'redbeat::lock', nullable: true },
  /** How long the lock outlives a beat, in seconds. Default: five times its longest sleep. */
  redbeatLockTimeout: { type: 'seconds', default: null, min: 0 },
  /** What to do when Redis may drop keys for want of memory. */
  redbeatKeyExpiryCheck: { type: 'string', default: 'error', choices: ['ignore', 'warn', 'error', 'raise'] },
} as const

type Table = typeof SETTINGS

/** A setting's name in camelCase. */
export type SettingName = keyof Table

/** What a row may hold before `fallback` is followed. */
type Given<R extends SettingRow> = R extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : SettingTypes[R['type']]
type Nullable<R extends SettingRow> = R extends { readonly nullable: true } | { readonly default: null } ? null : never

/** The value of a setting. */
export type SettingValue<R extends SettingRow> =
  Given<R> | (R extends { readonly fallback: string } ? never : Nullable<R>)

/** All settings with checked values, defaults filled in. */
export type Settings = { readonly [K in SettingName]: SettingValue<Table[K]> }

/** Settings as they are written, in camelCase or snake_case. What is `undefined` is as if it were not there. */
export type SettingsInput = { readonly [K in SettingName]?: Given<Table[K]> | Nullable<Table[K]> | undefined } & {
  readonly [K in SettingName as SnakeCase<K>]?: Given<Table[K]> | Nullable<Table[K]> | undefined
} & {
  /** The same as `brokerUrl`. */
  readonly broker?: string | readonly string[] | undefined
  /** The same as `resultBackend`. */
  readonly backend?: string | null | undefined
}

/** The names of all settings, in the table's order. */
export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS) as SettingName[]

/** The row of a setting. */
export function settingRow(name: SettingName): SettingRow & { readonly fallback?: SettingName } {
  return SETTINGS[name]
}

/** A setting's name on the wire and in Python: `task_acks_late`. */
export function wireName(name: SettingName): string {
  return snakeCase(name)
}

/** Groups whose old names do not simply repeat the new one in capitals. */
const OLD_PREFIXES: Readonly<Record<string, string>> = {
  task: 'CELERY',
  worker: 'CELERYD',
  beat: 'CELERYBEAT',
  result: 'CELERY_RESULT',
  event: 'CELERY_EVENT',
  redis: 'CELERY_REDIS',
  cache: 'CELERY_CACHE',
  mongodb: 'CELERY_MONGODB',
  couchbase: 'CELERY_COUCHBASE',
  arangodb: 'CELERY_ARANGODB',
  elasticsearch: 'CELERY_ELASTICSEARCH',
  security: 'CELERY_SECURITY',
}

/** The names of a setting from before Celery 4, the best known first. */
export function oldNames(name: SettingName): readonly string[] {
  const { old } = settingRow(name)
  if (old !== undefined) return old
  const [group = '', ...rest] = wireName(name).toUpperCase().split('_')
  return [[OLD_PREFIXES[group.toLowerCase()] ?? group, ...rest].join('_')]
}

/** How a setting was spelled: `camel` and `snake` are new, `other` belongs to both worlds. */
export type Spelling = 'camel' | 'snake' | 'other' | 'old'

/** What a key stands for. */
export interface FoundSetting {
  readonly name: SettingName
  readonly spelling: Spelling
}

const BY_KEY: ReadonlyMap<string, FoundSetting> = new Map(
  SETTING_NAMES.flatMap((name): [string, FoundSetting][] => [
    ...oldNames(name).map((key): [string, FoundSetting] => [key, { name, spelling: 'old' }]),
    ...(settingRow(name).also ?? []).map((key): [string, FoundSetting] => [key, { name, spelling: 'other' }]),
    [wireName(name), { name, spelling: 'snake' }],
    [name, { name, spelling: 'camel' }],
  ]),
)

/** The setting that a key stands for, in any of its spellings. */
export function findSetting(key: string): FoundSetting | undefined {
  return BY_KEY.get(key)
}

/** Every key that stands for a setting in this spelling; for suggestions. */
export function keysSpelled(...spellings: readonly Spelling[]): string[] {
  return [...BY_KEY].filter(([, found]) => spellings.includes(found.spelling)).map(([key]) => key)
}

/** Is this key the camelCase name of a setting? */
export function isSettingName(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key)
}
