constexpr <%= n %>
operator|(<%= n %> a, <%= n %> b)
{
	return static_cast<<%= n %>>(
	    static_cast<<%= type %>>(a) | static_cast<<%= type %>>(b));
}

constexpr <%= n %>
operator&(<%= n %> a, <%= n %> b)
{
	return static_cast<<%= n %>>(
	    static_cast<<%= type %>>(a) & static_cast<<%= type %>>(b));
}

constexpr <%= n %>
operator^(<%= n %> a, <%= n %> b)
{
	return static_cast<<%= n %>>(
	    static_cast<<%= type %>>(a) ^ static_cast<<%= type %>>(b));
}

constexpr <%= n %>
operator~(<%= n %> a)
{
	return static_cast<<%= n %>>(~static_cast<<%= type %>>(a));
}

constexpr <%= n %> &
operator|=(<%= n %> &a, <%= n %> b)
{
	return a = a | b;
}

constexpr <%= n %> &
operator&=(<%= n %> &a, <%= n %> b)
{
	return a = a & b;
}

constexpr <%= n %> &
operator^=(<%= n %> &a, <%= n %> b)
{
	return a = a ^ b;
}

/** Whether none is set. */
constexpr bool
operator!(<%= n %> a)
{
	return static_cast<<%= type %>>(a) == 0;
}

%
