static int
handle_<%= f.c_name %>(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_<%= f.c_name %>);
}
