/*
 * Every public struct with its fields, in the order of the headers: what
 * ferry_abi_layout() knows. Written by `make abi-update`, compared with the
 * headers by tests/abi/layout.
 */
#define FERRY__LAYOUTS(S, F) \
	S(ferry_cleanup_node) F(ferry_cleanup_node, opaque) \
	S(ferry_cleanup_options) F(ferry_cleanup_options, struct_size) \
	F(ferry_cleanup_options, flags) F(ferry_cleanup_options, capacity) \
	F(ferry_cleanup_options, workers_most) F(ferry_cleanup_options, batch) \
	F(ferry_cleanup_options, idle_ms) F(ferry_cleanup_options, stall_ms) \
	F(ferry_cleanup_options, stack_size) \
	S(ferry_cleanup_shutdown_options) \
	F(ferry_cleanup_shutdown_options, struct_size) \
	F(ferry_cleanup_shutdown_options, flags) \
	F(ferry_cleanup_shutdown_options, mode) \
	F(ferry_cleanup_shutdown_options, timeout_ms) \
	S(ferry_cleanup_report) F(ferry_cleanup_report, struct_size) \
	F(ferry_cleanup_report, running) F(ferry_cleanup_report, reserved) \
	F(ferry_cleanup_report, queued) F(ferry_cleanup_report, ended) \
	F(ferry_cleanup_report, canceled) F(ferry_cleanup_report, fn) \
	F(ferry_cleanup_report, age_ns) \
	S(ferry_cleanup_counts) F(ferry_cleanup_counts, struct_size) \
	F(ferry_cleanup_counts, accepted) \
	F(ferry_cleanup_counts, refused_full) \
	F(ferry_cleanup_counts, refused_closed) \
	F(ferry_cleanup_counts, queued) F(ferry_cleanup_counts, running) \
	F(ferry_cleanup_counts, ended_ok) F(ferry_cleanup_counts, ended_error) \
	F(ferry_cleanup_counts, ended_lost) F(ferry_cleanup_counts, canceled) \
	F(ferry_cleanup_counts, queued_max) \
	F(ferry_cleanup_counts, running_max) F(ferry_cleanup_counts, batches) \
	F(ferry_cleanup_counts, batch_max) F(ferry_cleanup_counts, wakes) \
	F(ferry_cleanup_counts, parks) \
	F(ferry_cleanup_counts, workers_started) \
	F(ferry_cleanup_counts, workers_refused) \
	F(ferry_cleanup_counts, workers_max) \
	S(ferry_cleanup_status) F(ferry_cleanup_status, struct_size) \
	F(ferry_cleanup_status, state) F(ferry_cleanup_status, workers) \
	F(ferry_cleanup_status, busy) F(ferry_cleanup_status, reserved) \
	F(ferry_cleanup_status, queued) F(ferry_cleanup_status, stalled_ns) \
	F(ferry_cleanup_status, fn) F(ferry_cleanup_status, age_ns) \
	S(ferry_levels) F(ferry_levels, slow_ms) F(ferry_levels, stalled_ms) \
	F(ferry_levels, wedged_ms) F(ferry_levels, fatal_ms) \
	S(ferry_method) F(ferry_method, struct_size) F(ferry_method, flags) \
	F(ferry_method, reserved) F(ferry_method, name) \
	F(ferry_method, handler) F(ferry_method, levels) \
	S(ferry_event) F(ferry_event, struct_size) F(ferry_event, flags) \
	F(ferry_event, reserved) F(ferry_event, name) \
	S(ferry_library_options) F(ferry_library_options, struct_size) \
	F(ferry_library_options, flags) F(ferry_library_options, n_methods) \
	F(ferry_library_options, name) F(ferry_library_options, methods) \
	F(ferry_library_options, events) F(ferry_library_options, n_events) \
	F(ferry_library_options, reserved) F(ferry_library_options, init) \
	F(ferry_library_options, fini) \
	S(ferry_context_options) F(ferry_context_options, struct_size) \
	F(ferry_context_options, flags) F(ferry_context_options, shards) \
	F(ferry_context_options, library) F(ferry_context_options, worker_key) \
	F(ferry_context_options, thread_name) \
	F(ferry_context_options, stack_size) \
	F(ferry_context_options, init_arg) \
	F(ferry_context_options, timeout_ms) F(ferry_context_options, depth) \
	F(ferry_context_options, depth_total) \
	F(ferry_context_options, payload_max) \
	F(ferry_context_options, event_policy) \
	F(ferry_context_options, event_capacity) \
	F(ferry_context_options, levels) \
	F(ferry_context_options, notify_level) \
	F(ferry_context_options, strands) F(ferry_context_options, error_text) \
	F(ferry_context_options, error_text_size) \
	F(ferry_context_options, strand_stack) \
	F(ferry_context_options, strand_memory) \
	F(ferry_context_options, init_status) \
	S(ferry_close_options) F(ferry_close_options, struct_size) \
	F(ferry_close_options, flags) F(ferry_close_options, mode) \
	F(ferry_close_options, timeout_ms) \
	S(ferry_close_report) F(ferry_close_report, struct_size) \
	F(ferry_close_report, running) F(ferry_close_report, callback_not_run) \
	F(ferry_close_report, abandoned) F(ferry_close_report, request) \
	F(ferry_close_report, method) F(ferry_close_report, age_ns) \
	S(ferry_listener_options) F(ferry_listener_options, struct_size) \
	F(ferry_listener_options, flags) F(ferry_listener_options, event) \
	F(ferry_listener_options, listener) F(ferry_listener_options, gone) \
	F(ferry_listener_options, user) F(ferry_listener_options, name) \
	S(ferry_request_options) F(ferry_request_options, struct_size) \
	F(ferry_request_options, flags) F(ferry_request_options, stale_ms) \
	F(ferry_request_options, lane) F(ferry_request_options, deadline_ns) \
	F(ferry_request_options, inbox) F(ferry_request_options, callback) \
	F(ferry_request_options, user) F(ferry_request_options, free) \
	F(ferry_request_options, free_user) \
	S(ferry_request_item) F(ferry_request_item, method) \
	F(ferry_request_item, reserved) F(ferry_request_item, data) \
	F(ferry_request_item, size) F(ferry_request_item, user) \
	S(ferry_reply) F(ferry_reply, status) F(ferry_reply, reserved) \
	F(ferry_reply, data) F(ferry_reply, size) \
	S(ferry_call_info) F(ferry_call_info, struct_size) \
	F(ferry_call_info, context) F(ferry_call_info, request) \
	F(ferry_call_info, deadline_ns) F(ferry_call_info, method) \
	F(ferry_call_info, submitter) \
	S(ferry_inbox_options) F(ferry_inbox_options, struct_size) \
	F(ferry_inbox_options, flags) F(ferry_inbox_options, reserved) \
	F(ferry_inbox_options, doorbell) F(ferry_inbox_options, user) \
	S(ferry_attach_options) F(ferry_attach_options, struct_size) \
	F(ferry_attach_options, flags) F(ferry_attach_options, event_capacity) \
	F(ferry_attach_options, user) \
	S(ferry_completion) F(ferry_completion, kind) \
	F(ferry_completion, status) F(ferry_completion, code) \
	F(ferry_completion, level) F(ferry_completion, context) \
	F(ferry_completion, request) F(ferry_completion, user) \
	F(ferry_completion, data) F(ferry_completion, size) \
	F(ferry_completion, name) F(ferry_completion, age_ns) \
	F(ferry_completion, depth) F(ferry_completion, count) \
	F(ferry_completion, listener) \
	S(ferry_counters) F(ferry_counters, struct_size) \
	F(ferry_counters, submitted) F(ferry_counters, refused) \
	F(ferry_counters, started) F(ferry_counters, queued) \
	F(ferry_counters, running) F(ferry_counters, unstarted_canceled) \
	F(ferry_counters, unstarted_deadline) \
	F(ferry_counters, unstarted_closed) F(ferry_counters, ended_ok) \
	F(ferry_counters, ended_error) F(ferry_counters, ended_canceled) \
	F(ferry_counters, ended_lost) F(ferry_counters, ended_closed) \
	F(ferry_counters, late_replies) F(ferry_counters, discarded) \
	F(ferry_counters, wakes) F(ferry_counters, events_emitted) \
	F(ferry_counters, events_refused) F(ferry_counters, events_unheard) \
	F(ferry_counters, events_dropped) \
	F(ferry_counters, events_dropped_elsewhere) \
	F(ferry_counters, events_dispatched) F(ferry_counters, events_heard) \
	F(ferry_counters, events_delivered) F(ferry_counters, events_overrun) \
	F(ferry_counters, stall_episodes) F(ferry_counters, handles_open) \
	F(ferry_counters, parks) F(ferry_counters, observer_gaps) \
	F(ferry_counters, threads_lost) \
	S(ferry_health) F(ferry_health, struct_size) F(ferry_health, worker) \
	F(ferry_health, watcher) F(ferry_health, level) \
	F(ferry_health, method) F(ferry_health, request) \
	F(ferry_health, method_name) F(ferry_health, beats) \
	F(ferry_health, age_ns) F(ferry_health, watcher_age_ns) \
	F(ferry_health, queued) F(ferry_health, running) \
	F(ferry_health, worker_thread) F(ferry_health, watcher_thread) \
	F(ferry_health, listener) F(ferry_health, listener_name) \
	F(ferry_health, listener_age_ns) F(ferry_health, hook_request) \
	F(ferry_health, hook_method_name) F(ferry_health, hook_age_ns) \
	F(ferry_health, hook_thread) F(ferry_health, hooks) \
	F(ferry_health, lost_wakeup_ns) \
	S(ferry_running) F(ferry_running, request) F(ferry_running, strand) \
	F(ferry_running, method_name) F(ferry_running, method) \
	F(ferry_running, state) F(ferry_running, age_ns) \
	F(ferry_running, progress_ns) F(ferry_running, what) \
	F(ferry_running, reserved) \
	S(ferry_package_field) F(ferry_package_field, name) \
	F(ferry_package_field, offset) F(ferry_package_field, size) \
	S(ferry_package_record) F(ferry_package_record, name) \
	F(ferry_package_record, hash) F(ferry_package_record, size) \
	F(ferry_package_record, align) F(ferry_package_record, n_fields) \
	F(ferry_package_record, reserved) F(ferry_package_record, fields) \
	S(ferry_package_function) F(ferry_package_function, name) \
	F(ferry_package_function, hash) F(ferry_package_function, kind) \
	F(ferry_package_function, root) F(ferry_package_function, id) \
	F(ferry_package_function, reserved) \
	S(ferry_package) F(ferry_package, struct_size) \
	F(ferry_package, format) F(ferry_package, abi) F(ferry_package, name) \
	F(ferry_package, version) F(ferry_package, model) \
	F(ferry_package, model_size) F(ferry_package, roots) \
	F(ferry_package, records) F(ferry_package, functions) \
	F(ferry_package, n_roots) F(ferry_package, n_records) \
	F(ferry_package, n_functions) F(ferry_package, reserved) \
	F(ferry_package, open) F(ferry_package, call) \
	S(ferry_strands) F(ferry_strands, struct_size) \
	F(ferry_strands, spawned) F(ferry_strands, active) \
	F(ferry_strands, completed) F(ferry_strands, failed) \
	F(ferry_strands, cancelled) F(ferry_strands, lost) \
	F(ferry_strands, peak) F(ferry_strands, refused) \
	F(ferry_strands, stack_size) F(ferry_strands, stack_touched) \
	F(ferry_strands, unlisted) \
	S(ferry_frame) F(ferry_frame, address) F(ferry_frame, offset) \
	F(ferry_frame, module) F(ferry_frame, build_id) \
	F(ferry_frame, function) F(ferry_frame, file) F(ferry_frame, line) \
	F(ferry_frame, flags) \
	S(ferry_stall) F(ferry_stall, struct_size) F(ferry_stall, kind) \
	F(ferry_stall, level) F(ferry_stall, verdict) F(ferry_stall, progress) \
	F(ferry_stall, context) F(ferry_stall, request) \
	F(ferry_stall, library) F(ferry_stall, method_name) \
	F(ferry_stall, method) F(ferry_stall, submitter) \
	F(ferry_stall, worker_thread) F(ferry_stall, looks) \
	F(ferry_stall, age_ns) F(ferry_stall, depth) F(ferry_stall, oldest_ns) \
	F(ferry_stall, cpu_ns) F(ferry_stall, delay_ns) \
	F(ferry_stall, suppressed) F(ferry_stall, scope) \
	F(ferry_stall, reason) F(ferry_stall, syscall) \
	F(ferry_stall, syscall_name) F(ferry_stall, descriptor) \
	F(ferry_stall, target) F(ferry_stall, lock) F(ferry_stall, owner) \
	F(ferry_stall, n_frames) F(ferry_stall, frames) F(ferry_stall, text) \
	S(ferry_watch_options) F(ferry_watch_options, struct_size) \
	F(ferry_watch_options, flags) F(ferry_watch_options, interval_ms) \
	F(ferry_watch_options, actions) F(ferry_watch_options, callback) \
	F(ferry_watch_options, user) F(ferry_watch_options, path) \
	S(ferry_ledger_entry) F(ferry_ledger_entry, request) \
	F(ferry_ledger_entry, strand) F(ferry_ledger_entry, method_name) \
	F(ferry_ledger_entry, method) F(ferry_ledger_entry, level) \
	F(ferry_ledger_entry, ended_ns) F(ferry_ledger_entry, lasted_ns) \
	F(ferry_ledger_entry, seen) F(ferry_ledger_entry, reserved)
