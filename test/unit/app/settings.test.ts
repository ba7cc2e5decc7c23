import { readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  SETTINGS,
  SETTING_NAMES,
  findSetting,
  isSettingName,
  keysSpelled,
  oldNames,
  settingRow,
  wireName,
} from '../../../src/app/settings.ts'
import type { Settings, SettingsInput } from '../../../src/app/settings.ts'
import { convertValue } from '../../../src/app/setting-types.ts'

/** The settings of Celery 5.6, and some that came after it. */
const CELERY = words(`
  accept_content result_accept_content enable_utc timezone imports include task_annotations task_compression
  task_protocol task_serializer task_publish_retry task_publish_retry_policy task_always_eager
  task_eager_propagates task_store_eager_result task_remote_tracebacks task_ignore_result
  task_store_errors_even_if_ignored task_track_started task_time_limit task_soft_time_limit
  task_allow_error_cb_on_chord_header task_acks_late task_acks_on_failure_or_timeout task_acks_on_failure
  task_acks_on_timeout task_reject_on_worker_lost task_default_rate_limit task_default_priority
  task_inherit_parent_priority task_send_sent_event task_queues task_routes task_queue_max_priority
  task_create_missing_queues task_create_missing_queue_type task_create_missing_queue_exchange_type
  task_default_queue task_default_queue_type task_default_exchange task_default_exchange_type
  task_default_routing_key task_default_delivery_mode worker_direct broker_url broker_read_url broker_write_url
  broker_transport broker_transport_options broker_connection_timeout broker_connection_retry
  broker_connection_retry_on_startup broker_connection_max_retries broker_channel_error_retry
  broker_failover_strategy broker_heartbeat broker_heartbeat_checkrate broker_login_method
  broker_native_delayed_delivery_queue_type broker_pool_limit broker_pool_acquire_timeout broker_use_ssl
  broker_host broker_port broker_user broker_password broker_vhost result_backend result_backend_always_retry
  result_backend_max_sleep_between_retries_ms result_backend_base_sleep_between_retries_ms
  result_backend_max_retries result_backend_thread_safe result_backend_transport_options result_serializer
  result_compression result_extended result_expires result_cache_max result_chord_join_timeout
  result_chord_retry_interval result_exchange result_exchange_type result_persistent override_backends
  database_url database_engine_options database_short_lived_sessions database_table_schemas database_table_names
  database_create_tables_at_setup database_engine_callback cache_backend cache_backend_options
  mongodb_backend_settings redis_host redis_port redis_db redis_username redis_password redis_max_connections
  redis_socket_timeout redis_socket_connect_timeout redis_retry_on_timeout redis_socket_keepalive
  redis_backend_use_ssl redis_backend_health_check_interval redis_backend_credential_provider redis_client_name
  cassandra_servers cassandra_secure_bundle_path cassandra_port cassandra_keyspace cassandra_table
  cassandra_read_consistency cassandra_write_consistency cassandra_entry_ttl cassandra_auth_provider
  cassandra_auth_kwargs cassandra_options s3_access_key_id s3_secret_access_key s3_bucket s3_base_path
  s3_endpoint_url s3_region azureblockblob_container_name azureblockblob_base_path
  azureblockblob_retry_initial_backoff_sec azureblockblob_retry_increment_base azureblockblob_retry_max_attempts
  azureblockblob_connection_timeout azureblockblob_read_timeout gcs_bucket gcs_project gcs_base_path gcs_ttl
  gcs_threadpool_maxsize firestore_project elasticsearch_retry_on_timeout elasticsearch_max_retries
  elasticsearch_timeout elasticsearch_save_meta_as_text dynamodb_endpoint_url couchbase_backend_settings
  arangodb_backend_settings cosmosdbsql_database_name cosmosdbsql_collection_name cosmosdbsql_consistency_level
  cosmosdbsql_max_retry_attempts cosmosdbsql_max_retry_wait_time worker_concurrency worker_prefetch_multiplier
  worker_eta_task_limit worker_disable_prefetch worker_enable_prefetch_count_reduction
  worker_deduplicate_successful_tasks worker_lost_wait worker_max_tasks_per_child worker_max_memory_per_child
  worker_disable_rate_limits worker_state_db worker_timer worker_timer_precision worker_enable_remote_control
  worker_proc_alive_timeout worker_cancel_long_running_tasks_on_connection_loss worker_detect_quorum_queues
  worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle worker_pool worker_pool_putlocks
  worker_pool_restarts worker_agent worker_autoscaler worker_consumer worker_send_task_events
  worker_hijack_root_logger worker_log_color worker_log_format worker_task_log_format worker_redirect_stdouts
  worker_redirect_stdouts_level worker_logfile worker_pidfile worker_uid worker_gid worker_umask
  worker_executable event_queue_ttl event_queue_expires event_queue_durable event_queue_exclusive
  event_queue_prefix event_exchange event_serializer events_logfile events_pidfile events_uid events_gid
  events_umask events_executable control_queue_ttl control_queue_expires control_queue_exclusive
  control_queue_durable control_exchange security_key security_key_password security_certificate
  security_cert_store security_digest beat_schedule beat_scheduler beat_schedule_filename beat_sync_every
  beat_max_loop_interval beat_cron_starting_deadline beat_logfile beat_pidfile beat_uid beat_gid beat_umask
  beat_executable
`)

const REDBEAT = words(`
  redbeat_redis_url redbeat_redis_options redbeat_redis_use_ssl redbeat_key_prefix redbeat_lock_key
  redbeat_lock_timeout redbeat_key_expiry_check
`)

/** Old names that are not the new one in capitals, as Celery's code and its documentation have them. */
const LEGACY = words(`
  CELERY_ACCEPT_CONTENT=accept_content CELERY_ARANGODB_BACKEND_SETTINGS=arangodb_backend_settings
  CELERYBEAT_CRON_STARTING_DEADLINE=beat_cron_starting_deadline
  CELERYBEAT_MAX_LOOP_INTERVAL=beat_max_loop_interval CELERYBEAT_SCHEDULE=beat_schedule
  CELERYBEAT_SCHEDULE_FILENAME=beat_schedule_filename CELERYBEAT_SCHEDULER=beat_scheduler
  CELERYBEAT_SYNC_EVERY=beat_sync_every CELERY_CACHE_BACKEND=cache_backend
  CELERY_CACHE_BACKEND_OPTIONS=cache_backend_options
  CELERY_COUCHBASE_BACKEND_SETTINGS=couchbase_backend_settings
  CELERY_RESULT_ENGINE_OPTIONS=database_engine_options
  CELERY_RESULT_DB_SHORT_LIVED_SESSIONS=database_short_lived_sessions
  CELERY_RESULT_DB_TABLENAMES=database_table_names CELERY_RESULT_DBURI=database_url
  CELERY_ELASTICSEARCH_MAX_RETRIES=elasticsearch_max_retries
  CELERY_ELASTICSEARCH_RETRY_ON_TIMEOUT=elasticsearch_retry_on_timeout
  CELERY_ELASTICSEARCH_SAVE_META_AS_TEXT=elasticsearch_save_meta_as_text
  CELERY_ELASTICSEARCH_TIMEOUT=elasticsearch_timeout CELERY_EVENT_EXCHANGE=event_exchange
  CELERY_EVENT_QUEUE_DURABLE=event_queue_durable CELERY_EVENT_QUEUE_EXCLUSIVE=event_queue_exclusive
  CELERY_EVENT_QUEUE_EXPIRES=event_queue_expires CELERY_EVENT_QUEUE_PREFIX=event_queue_prefix
  CELERY_EVENT_QUEUE_TTL=event_queue_ttl CELERY_EVENT_SERIALIZER=event_serializer CELERY_IMPORTS=imports
  CELERY_INCLUDE=include CELERY_MONGODB_BACKEND_SETTINGS=mongodb_backend_settings
  CELERY_REDIS_BACKEND_USE_SSL=redis_backend_use_ssl CELERY_REDIS_DB=redis_db CELERY_REDIS_HOST=redis_host
  CELERY_REDIS_MAX_CONNECTIONS=redis_max_connections CELERY_REDIS_PASSWORD=redis_password
  CELERY_REDIS_PORT=redis_port CELERY_REDIS_RETRY_ON_TIMEOUT=redis_retry_on_timeout
  CELERY_REDIS_SOCKET_CONNECT_TIMEOUT=redis_socket_connect_timeout
  CELERY_REDIS_SOCKET_KEEPALIVE=redis_socket_keepalive CELERY_REDIS_SOCKET_TIMEOUT=redis_socket_timeout
  CELERY_REDIS_USERNAME=redis_username CELERY_RESULT_BACKEND=result_backend
  CELERY_RESULT_BACKEND_ALWAYS_RETRY=result_backend_always_retry
  CELERY_RESULT_BACKEND_BASE_SLEEP_BETWEEN_RETRIES_MS=result_backend_base_sleep_between_retries_ms
  CELERY_RESULT_BACKEND_MAX_RETRIES=result_backend_max_retries
  CELERY_RESULT_BACKEND_MAX_SLEEP_BETWEEN_RETRIES_MS=result_backend_max_sleep_between_retries_ms
  CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS=result_backend_transport_options
  CELERY_MAX_CACHED_RESULTS=result_cache_max CELERY_RESULT_CHORD_JOIN_TIMEOUT=result_chord_join_timeout
  CELERY_RESULT_CHORD_RETRY_INTERVAL=result_chord_retry_interval CELERY_RESULT_COMPRESSION=result_compression
  CELERY_RESULT_EXCHANGE=result_exchange CELERY_RESULT_EXCHANGE_TYPE=result_exchange_type
  CELERY_TASK_RESULT_EXPIRES=result_expires CELERY_RESULT_EXTENDED=result_extended
  CELERY_RESULT_PERSISTENT=result_persistent CELERY_RESULT_SERIALIZER=result_serializer
  CELERY_SECURITY_CERT_STORE=security_cert_store CELERY_SECURITY_CERTIFICATE=security_certificate
  CELERY_SECURITY_DIGEST=security_digest CELERY_SECURITY_KEY=security_key
  CELERY_SECURITY_KEY_PASSWORD=security_key_password CELERY_ACKS_LATE=task_acks_late
  CELERY_ACKS_ON_FAILURE=task_acks_on_failure CELERY_ACKS_ON_FAILURE_OR_TIMEOUT=task_acks_on_failure_or_timeout
  CELERY_ACKS_ON_TIMEOUT=task_acks_on_timeout
  CELERY_ALLOW_ERROR_CB_ON_CHORD_HEADER=task_allow_error_cb_on_chord_header
  CELERY_ALWAYS_EAGER=task_always_eager CELERY_ANNOTATIONS=task_annotations
  CELERY_MESSAGE_COMPRESSION=task_compression
  CELERY_CREATE_MISSING_QUEUE_EXCHANGE_TYPE=task_create_missing_queue_exchange_type
  CELERY_CREATE_MISSING_QUEUE_TYPE=task_create_missing_queue_type
  CELERY_CREATE_MISSING_QUEUES=task_create_missing_queues
  CELERY_DEFAULT_DELIVERY_MODE=task_default_delivery_mode CELERY_DEFAULT_EXCHANGE=task_default_exchange
  CELERY_DEFAULT_EXCHANGE_TYPE=task_default_exchange_type CELERY_DEFAULT_PRIORITY=task_default_priority
  CELERY_DEFAULT_QUEUE=task_default_queue CELERY_DEFAULT_QUEUE_TYPE=task_default_queue_type
  CELERY_DEFAULT_RATE_LIMIT=task_default_rate_limit CELERY_DEFAULT_ROUTING_KEY=task_default_routing_key
  CELERY_EAGER_PROPAGATES_EXCEPTIONS=task_eager_propagates CELERY_IGNORE_RESULT=task_ignore_result
  CELERY_INHERIT_PARENT_PRIORITY=task_inherit_parent_priority CELERY_TASK_PROTOCOL=task_protocol
  CELERY_TASK_PUBLISH_RETRY=task_publish_retry CELERY_TASK_PUBLISH_RETRY_POLICY=task_publish_retry_policy
  CELERY_QUEUE_MAX_PRIORITY=task_queue_max_priority CELERY_QUEUES=task_queues
  CELERY_REJECT_ON_WORKER_LOST=task_reject_on_worker_lost CELERY_REMOTE_TRACEBACKS=task_remote_tracebacks
  CELERY_ROUTES=task_routes CELERY_SEND_TASK_SENT_EVENT=task_send_sent_event
  CELERY_TASK_SERIALIZER=task_serializer CELERYD_TASK_SOFT_TIME_LIMIT=task_soft_time_limit
  CELERY_STORE_EAGER_RESULT=task_store_eager_result
  CELERY_STORE_ERRORS_EVEN_IF_IGNORED=task_store_errors_even_if_ignored CELERYD_TASK_TIME_LIMIT=task_time_limit
  CELERY_TRACK_STARTED=task_track_started CELERY_TIMEZONE=timezone CELERYD_AGENT=worker_agent
  CELERYD_AUTOSCALER=worker_autoscaler
  CELERYD_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS=worker_cancel_long_running_tasks_on_connection_loss
  CELERYD_CONCURRENCY=worker_concurrency CELERYD_CONSUMER=worker_consumer
  CELERYD_DEDUPLICATE_SUCCESSFUL_TASKS=worker_deduplicate_successful_tasks
  CELERYD_DETECT_QUORUM_QUEUES=worker_detect_quorum_queues CELERY_WORKER_DIRECT=worker_direct
  CELERYD_DISABLE_PREFETCH=worker_disable_prefetch CELERY_DISABLE_RATE_LIMITS=worker_disable_rate_limits
  CELERYD_ENABLE_PREFETCH_COUNT_REDUCTION=worker_enable_prefetch_count_reduction
  CELERY_ENABLE_REMOTE_CONTROL=worker_enable_remote_control
  CELERYD_ENABLE_SOFT_SHUTDOWN_ON_IDLE=worker_enable_soft_shutdown_on_idle
  CELERYD_ETA_TASK_LIMIT=worker_eta_task_limit CELERYD_HIJACK_ROOT_LOGGER=worker_hijack_root_logger
  CELERYD_LOG_COLOR=worker_log_color CELERYD_LOG_FORMAT=worker_log_format
  CELERYD_WORKER_LOST_WAIT=worker_lost_wait CELERYD_MAX_MEMORY_PER_CHILD=worker_max_memory_per_child
  CELERYD_MAX_TASKS_PER_CHILD=worker_max_tasks_per_child CELERYD_POOL=worker_pool
  CELERYD_POOL_PUTLOCKS=worker_pool_putlocks CELERYD_POOL_RESTARTS=worker_pool_restarts
  CELERYD_PREFETCH_MULTIPLIER=worker_prefetch_multiplier CELERYD_PROC_ALIVE_TIMEOUT=worker_proc_alive_timeout
  CELERY_REDIRECT_STDOUTS=worker_redirect_stdouts CELERY_REDIRECT_STDOUTS_LEVEL=worker_redirect_stdouts_level
  CELERY_SEND_EVENTS=worker_send_task_events CELERYD_SOFT_SHUTDOWN_TIMEOUT=worker_soft_shutdown_timeout
  CELERYD_STATE_DB=worker_state_db CELERYD_TASK_LOG_FORMAT=worker_task_log_format CELERYD_TIMER=worker_timer
  CELERYD_TIMER_PRECISION=worker_timer_precision CELERY_ENABLE_UTC=enable_utc
  CASSANDRA_COLUMN_FAMILY=cassandra_table CELERY_RESULT_EXPIRES=result_expires
  CELERY_RESULT_DB_TABLE_NAMES=database_table_names CELERY_TASK_ALWAYS_EAGER=task_always_eager
  CELERY_COMPRESSION=task_compression CELERY_EAGER_PROPAGATES=task_eager_propagates
  CELERY_PUBLISH_RETRY=task_publish_retry CELERY_PUBLISH_RETRY_POLICY=task_publish_retry_policy
  CELERY_SEND_SENT_EVENT=task_send_sent_event CELERYD_SOFT_TIME_LIMIT=task_soft_time_limit
  CELERY_TASK_TRACK_STARTED=task_track_started CELERY_TASK_REJECT_ON_WORKER_LOST=task_reject_on_worker_lost
  CELERYD_TIME_LIMIT=task_time_limit CELERY_WORKER_LOG_FORMAT=worker_log_format
  CELERYD_REDIRECT_STDOUTS=worker_redirect_stdouts CELERYD_REDIRECT_STDOUTS_LEVEL=worker_redirect_stdouts_level
  CELERY_WORKER_TASK_LOG_FORMAT=worker_task_log_format
`)

/** What Celery has no setting for. */
const OURS = ['task_workflow_warn_size']

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

describe('the table', () => {
  it('has every setting of Celery, and few of our own', () => {
    expect(SETTING_NAMES.map(wireName).sort()).toEqual([...CELERY, ...REDBEAT, ...OURS].sort())
  })

  it('knows every setting in every spelling', () => {
    for (const name of SETTING_NAMES) {
      expect(findSetting(name)?.name).toBe(name)
      expect(findSetting(wireName(name))?.name).toBe(name)
      expect(isSettingName(name)).toBe(true)
      for (const old of oldNames(name)) expect(findSetting(old)).toEqual({ name, spelling: 'old' })
    }
    expect(isSettingName('task_acks_late')).toBe(false)
    expect(isSettingName('toString')).toBe(false)
    expect(findSetting('toString')).toBeUndefined()
    expect(findSetting('broker')).toEqual({ name: 'brokerUrl', spelling: 'other' })
  })

  it('has no key for two settings', () => {
    const keys = SETTING_NAMES.flatMap((name) => [name, ...oldNames(name), ...(settingRow(name).also ?? [])])
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
    expect(keysSpelled('camel')).toEqual(SETTING_NAMES)
  })

  it.each(LEGACY)('knows the old name %s', (pair) => {
    const [old = '', name] = pair.split('=')
    const found = findSetting(old)
    expect(found === undefined ? undefined : wireName(found.name)).toBe(name)
  })

  it.each(SETTING_NAMES)('has a default for %s that it would take', (name) => {
    const row = settingRow(name)
    expect(convertValue(name, row.default, row)).toEqual(row.default)
  })

  it('says in each document what the setting is, and for times their unit', () => {
    const source = readFileSync(new URL('../../../src/app/settings.ts', import.meta.url), 'utf8')
    for (const name of SETTING_NAMES) {
      const doc = new RegExp(`/\\*\\* (.+\\.) \\*/\\n  ${name}: `).exec(source)?.[1]
      expect(doc, name).toBeDefined()
      const { type } = settingRow(name)
      if (type === 'seconds') expect(doc, name).toMatch(/second/)
      if (type === 'milliseconds') expect(doc, name).toMatch(/millisecond/)
      if (type === 'kibibytes') expect(doc, name).toMatch(/KiB/)
    }
  })
})

describe('the types', () => {
  it('follow from the table', () => {
    expectTypeOf<Settings['taskAcksLate']>().toEqualTypeOf<boolean>()
    expectTypeOf<Settings['taskTimeLimit']>().toEqualTypeOf<number | null>()
    expectTypeOf<Settings['brokerPoolLimit']>().toEqualTypeOf<number | null>()
    expectTypeOf<Settings['taskDefaultExchange']>().toEqualTypeOf<string>()
    expectTypeOf<Settings['taskDefaultQueueType']>().toEqualTypeOf<'classic' | 'quorum'>()
    expectTypeOf<Settings['taskProtocol']>().toEqualTypeOf<1 | 2>()
    expectTypeOf<Settings['resultBackend']>().toEqualTypeOf<string | null>()
    expectTypeOf<Settings['acceptContent']>().toEqualTypeOf<readonly string[]>()
  })

  it('allow what may be written, in two spellings', () => {
    const input = {
      broker: undefined,
      taskAcksLate: true,
      task_time_limit: null,
      taskDefaultExchange: null,
      taskRoutes: { 'proj.*': { queue: 'video' } },
    } satisfies SettingsInput
    expect(Object.keys(input)).toHaveLength(5)
    // @ts-expect-error: a number is no boolean
    const wrong: SettingsInput = { task_acks_late: 1 }
    // @ts-expect-error: the name is misspelt
    const misspelt: SettingsInput = { taskAckLate: true }
    expect([wrong, misspelt]).toHaveLength(2)
  })

  it('agree with the rows', () => {
    const rows: Record<string, { readonly type: string; readonly default: unknown }> = SETTINGS
    for (const name of SETTING_NAMES) {
      const { fallback } = settingRow(name)
      if (fallback === undefined) continue
      expect(rows[fallback]?.type, name).toBe(rows[name]?.type)
      expect(rows[fallback]?.default, name).not.toBeNull()
    }
  })
})
