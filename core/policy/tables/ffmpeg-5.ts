import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg 5.1 reads its command line: made by `npm run option-table`, not by hand. */
export const ffmpeg5 = parseTable(`ffmpeg 5.1 libavutil 57.28 build 32f61db7300088af
avoption codec decode: apply_cropping bug discard_damaged_percentage ec extra_hw_frames hwaccel_flags request_channel_layout
  request_sample_fmt skip_alpha skip_bottom skip_frame skip_idct skip_loop_filter skip_top sub_charenc_mode sub_text_format
avoption codec decode encode: ac ar channel_layout chroma_sample_location color_primaries color_range color_trc colorspace debug
  export_side_data field_order flags2 idct max_pixels thread_type ticks_per_frame
avoption codec decode text: sub_charenc
avoption codec encode: ab aspect audio_service_type b b_qfactor b_qoffset bf bidir_refine bt bufsize cmp compression_level
  dark_mask dc dct dia_size g global_quality i_qfactor i_qoffset ildctcmp keyint_min last_pred lumi_mask maxrate mbcmp mbd mblmax
  mblmin me_range minrate mv0_threshold nssew p_mask pre_dia_size precmp qblur qcomp qdiff qmax qmin rc_init_occupancy
  rc_max_vbv_use rc_min_vbv_use refs sar scplx_mask slices subcmp subq tcplx_mask trellis
avoption codec format decode encode: ch_layout err_detect frame_size strict
avoption codec format decode encode text: dump_separator
avoption codec format decode text: codec_whitelist
avoption codec private decode: lowres
avoption codec private decode encode: max_samples
avoption codec private encode text: level profile
avoption codec scaler decode encode: flags threads
avoption codec scaler encode: cutoff
avoption format decode: aa_fixed_key activation_bytes advanced_editlist allowed_media_types analyzeduration angle
  audible_fixed_key audible_iv audible_key auto_convert bandwidth bit_rate channel channels chapter chars_per_frame compute_pcr
  correct_ts_overflow crtc_id cryptokey decryption_iv decryption_key default_delay default_fps draw_mouse dvbuffer dvtype
  eia608_extract enable_drefs end end_offset export_all export_path_metadata export_xmp extension_picky f_err_detect ffrtmphttp_tls
  fix_teletext_pts flv_full_metadata flv_ignore_prevtag flv_metadata follow follow_mouse format_modifier formatprobesize
  fpsprobesize fragment_size frame_rate grab_x grab_y http_multiple http_seekable icy ignore_chapters ignore_editlist ignore_length
  ignore_loop indexmem initial_pause kind layout linespeed list_devices list_formats list_standards live_start_index
  m3u8_hold_counters max_file_size max_fps max_gif_delay max_packet_size max_probe_packets max_redirects max_reload max_size
  max_stts_delta max_ts_probe merge_pmt_versions min_delay missing_streams no_resync_search offset overrun_nonfatal paranoia_mode
  pattern_type plane_id playlist prefer_x_start probesize raw_packet_size read_ahead_limit reconnect reconnect_at_eof
  reconnect_delay_max reconnect_on_network_error reconnect_streamed region_border reorder_queue_size resync_size rtbufsize
  rtmp_listen rtmp_live rtmp_swfhash rtmp_swfsize rtp_flags rtsp_flags safe sample_rate sample_size scan_all_pmts sdp_flags seek2any
  seek_streams_individually segment_time_metadata select_region short_seek_size show_region skip_estimate_duration_from_pts
  skip_initial_bytes skip_unknown_pmt start start_number_range start_time strict_mime_boundary subfps subsong timestamps track_index
  ts ts_from_file ts_packetsize use_absolute_path use_libv4l2 use_mfra_for use_odml use_tfdt use_wallclock_as_timestamps usetoc
  wallclock x
avoption format decode encode: auth_type avioflags buffer_size connect connect_timeout connection_timeout dscp encryption
  enforced_encryption f_strict fdebug fflags ffs fifo_size http_persistent inputbw iptos ipttl iv key kmpreannounce kmrefreshrate
  latency linger listen listen_timeout live local_port local_rtcpport local_rtpport localport log_level loop lossmaxttl max_delay
  max_port max_streams maxbw messageapi min_port minversion mss multiple_requests nakreport oheadbw payload_size pbkeylen
  peerlatency pkt_size post_data rcvbuf rcvlatency recv_buffer_size reuse reuse_socket rist_profile rtcp_port rtmp_buffer
  rtsp_transport rw_timeout seekable send_buffer_size sndbuf snddropdelay start_number tcp_mss tcp_nodelay timeout tlpktdrop
  tls_verify transtype tsbpd tsbpddelay ttl type udplite_coverage window_id write_to_source
avoption format decode encode text: block ca_file cafile cert_file content_type device exchange ftp-anonymous-password
  ftp-password ftp-user headers http_proxy key_file localaddr location method name passphrase private_key routing_key rtmp_app
  rtmp_conn rtmp_flashver rtmp_playpath rtmp_swfurl rtmp_tcurl secret server smoother srt_streamid stream_name user_agent verifyhost
avoption format decode text: allowed_extensions allowed_segment_extensions assetmaps cenc_decryption_key cookies dumpgraph dvguid
  format_whitelist framerate gateway graph graph_file input_format pixel_format protocol_blacklist protocol_whitelist
  reconnect_on_http_error referer rtmp_pageurl rtmp_subscribe rtmp_swfverify seg_format_options srtp_in_params srtp_in_suite
  standard sub_name video_size
avoption format encode: allow_raw_vfw atomic_writing attempt_recovery audio_chunk_duration audio_preload avoid_negative_ts
  background bitrate blocksize break_non_keyframes broadcast buffer_duration burst_bits chunk_duration chunk_duration_ms chunk_size
  chunk_start_index chunked_post cluster_size_limit cluster_time_limit cues_to_front d d10_channelcount dash dash_segment_type
  dash_track_number default_mode delivery_mode drop_pkts_on_overflow dtshd_fallback_time dtshd_rate empty_hdlr_name encryption_iv
  encryption_key encryption_kid extra_window_size final_delay flipped_raw_rgb flush_packets flvflags format_version fp_format
  frag_duration frag_interleave frag_size frag_type fragment_index frame_pts ftp-write-seekable global_sidx hls_allow_cache
  hls_delete_threshold hls_enc hls_flags hls_fmp4_init_resend hls_init_time hls_list_size hls_playlist hls_playlist_type
  hls_segment_size hls_segment_type hls_start_number_source hls_time ice_public id3v2_version ignore_io_errors ignore_readorder
  increment_tc index_correction individual_header_trailer initial_offset iods_audio_profile iods_video_profile ism_lookahead l ldash
  legacy_icecast lhls list_drivers lookahead_count loopend loopstart master_m3u8_publish_rate master_pl_publish_rate
  max_interleave_delta max_playback_rate max_recovery_attempts metadata_header_padding min_frag_duration min_playback_rate
  minimum_update_period minreq moov_size mov_gamma movflags movie_timescale mpd_profile mpegts_copyts mpegts_flags mpegts_m2ts_mode
  mpegts_original_network_id mpegts_pmt_start_pid mpegts_service_id mpegts_service_type mpegts_start_pid mpegts_transport_stream_id
  muxrate mxf_audio_edit_rate nit_period no_window oggpagesize omit_video_pes_length output_ts_offset packet_size packetsize
  page_duration pagesize pat_period payload_type pcr_period peak_block_size peak_format peak_ppv pes_payload_size plays prebuf
  preload print_deinit_summary queue_size recover_any_error recovery_wait_streamtime recovery_wait_time remove_at_exit reply_code
  reserve_index_space reset_timestamps restart_with_keyframe rf64 rtmp_flush_interval rtpflags sdt_period seg_duration
  segment_atclocktime segment_clocktime_offset segment_clocktime_wrap_duration segment_list_flags segment_list_size
  segment_list_type segment_start_number segment_time segment_time_delta segment_wrap segment_wrap_number send_expect_100 seq
  serial_offset signal_standard silence_threshold single_file skip_iods skip_rate_check smc-interval spdif_flags ssrc
  start_time_realtime store_user_comments streaming strftime strftime_mkdir syncpoints tables_version target_latency
  time_shift_buffer_depth timeshift tls truncate update update_period use_editlist use_fifo use_stream_ids_as_track_ids use_template
  use_timeline version_major version_minor video_track_timescale window_borderless window_enable_quit window_fullscreen window_size
  window_x window_y write_apetag write_bext write_btrt write_channel_mask write_crc32 write_empty_segments write_header
  write_header_ret write_header_trailer write_id3v1 write_id3v2 write_index write_mpeg2 write_peak write_prft write_tmcd
  write_trailer_ret write_xing xoffset yoffset
avoption format encode text: adaptation_sets algorithm antialias boundary_tag brand cc_stream_map charset cname color display_name
  driver encryption_scheme fifo_format fifo_options format_options format_opts hash header hls_base_url hls_enc_iv hls_enc_key
  hls_enc_key_url hls_fmp4_init_filename hls_key_info_file hls_master_name hls_segment_filename hls_segment_options
  hls_subtitle_path hls_ts_options hls_vtt_options http_opts http_user_agent ice_description ice_genre ice_name ice_url
  init_seg_name list_dither master_pl_name media_seg_name mpegts_muxer_options protocol_opts reference_stream resource
  rtp_muxer_options segment_format segment_format_options segment_frames segment_header_filename segment_list
  segment_list_entry_prefix segment_times single_file_name srtp_out_params srtp_out_suite utc_timing_url var_stream_map window_title
avoption private decode: alllayers apply_defdispwin apply_trc bits_per_codeword blank_value change_field_order channel_order
  compute_clut compute_edt cons_noisegen core_only custom_stride data_field deint downmix drc_scale drop_second_field dual_mono_mode
  dvb_substream enable_er extern_huff extra_bits_bug filmgrain forced_subs_only framethreads gpu_copy heavy_compr is_avc keep_ar
  keep_ass_markup lowqual nal_length_size non_pcm_mode operating_point oppoint page part postfilter real_time real_time_latency_msec
  skip_cursor strict-displaywin subimage target_level thumbnail tilethreads trans_color txt_chop_spaces txt_chop_top
  txt_default_region txt_duration txt_format txt_left txt_opacity txt_top txt_transparent use_buggy_lpc width x264_build
avoption private decode encode: apply_phase_inv async_depth height load_plugin num_capture_buffers num_output_buffers surfaces
avoption private decode encode text: gpu load_plugins omx_libname omx_libprefix palette
avoption private decode text: crop ifo_palette layer resize txt_page
avoption private encode: 2pass 8x8dct a53cc aac_coder aac_is aac_ltp aac_ms aac_pce aac_pns aac_pred aac_tns abr ad_conv_type
  adaptive_b adaptive_i aiv alpha_bits alternate_scan application aq-mode aq-strength arnr-max-frames arnr-maxframes arnr-strength
  arnr-type arnr_max_frames arnr_strength arnr_type aud auto-alt-ref avbr_accuracy avbr_convergence avcintra-class b-bias b-pyramid
  b_adapt b_depth b_ref_mode b_sensitivity b_strategy bitrate_limit bits_per_mb block_size bluray-compat border_mask brd_scale cavlc
  cbr cbr_quality center_mixlev ch_mode channel_coupling chroma_elim_threshold chromaoffset chunks cinema_mode coder compression
  compression_algo compressor constrained-encoding context continue_one_color_thresh copyright corpus-complexity cpl_start_band
  cplxblur cpu-used cq cr_size cr_threshold crf crf_max data_partitioning dblk_idc dca_adpcm deadline delay denoise-block-size
  denoise-noise-level dheadphone_mode dialnorm direct-pred distance disto_alloc dither_type dmix_mode dpb_size dpi dpm
  drop-threshold drop_frame_timecode dsur_mode dsurex_mode dtx effort enable-1to4-partitions enable-ab-partitions enable-angle-delta
  enable-cdef enable-cfl-intra enable-diff-wtd-comp enable-dist-wtd-comp enable-dual-filter enable-filter-intra enable-flip-idtx
  enable-global-motion enable-interinter-wedge enable-interintra-comp enable-interintra-wedge enable-intra-edge-filter
  enable-intrabc enable-masked-comp enable-obmc enable-onesided-comp enable-paeth-intra enable-palette enable-rect-partitions
  enable-reduced-reference-set enable-ref-frame-mvs enable-restoration enable-smooth-interintra enable-smooth-intra enable-tpl
  enable-tx64 energy_levels eph error-resilience error-resilient error_protection error_rate even_rows_fix exact_rice_parameters
  extbrc extra_sei fast-pskip fastfirstpass fixed_quality force_duplicated_matrix forced-idr forced_idr frame-parallel
  frame_duration gifflags gifimage global_palette gmc gpb hielevel huffman ibias iblock idr_interval init_qpB init_qpI init_qpP
  int_ref_cycle_dist int_ref_cycle_size int_ref_qp_delta int_ref_type intra-refresh intra_penalty intra_vlc irreversible
  iterative_dia_size jfif joint_stereo la_depth lag-in-frames ldkfs lmax lmin look_ahead look_ahead_depth look_ahead_downsampling
  loop_filter_level loop_filter_sharpness loro_cmixlev loro_surmixlev lossless low_delay_brc low_power lpc_coeff_precision
  lpc_passes lpc_type ltrt_cmixlev ltrt_surmixlev luma_elim_threshold lumi_aq mapping_family max-intra-rate max_dec_frame_buffering
  max_extra_cb_iterations max_frame_size max_frame_size_i max_frame_size_p max_partition_order max_prediction_order max_qp_b
  max_qp_i max_qp_p max_slice_size max_strips maxsection-pct mb_info mbbrc mbs_per_slice mbtree me_method me_quality memc_only mepc
  mepre mfmode min_partition_order min_prediction_order min_qp_b min_qp_i min_qp_p min_strips minsection-pct mixed-refs mixing_level
  modular motion-est motion_est mpeg_quant mpv_flags msbc multi_dim_quant multipass nal-hrd nitris_compat no-scenecut no_bitstream
  noise-sensitivity noise_reduction non_deterministic non_linear_quant nonref_p numresolution obmc optimize_mono opus_delay original
  overshoot-pct p_strategy packet_loss per_frame_metadata pic_timing_sei pred prediction_order_method prog prog_order ps psy
  psymodel qm qp qp_cb_offset qp_cr_offset qsquish quake3_compat quality quant_deadzone quant_mat quantizer_noise_shaping rc
  rc-lookahead rc_buf_aggressivity rc_init_cplx rc_lookahead rc_mode rc_qmod_amp rc_qmod_freq rdo recovery_point_sei
  reduced-tx-type-set repeat_pps reservoir rle room_type row-mt s12m_tc sbc_delay sc_detection sc_threshold scan_offset sei
  seq_disp_ext sharpness single-slice-intra-refresh single_sei_nal_unit sixteen_color_thresh skip_cmp skip_empty_cb skip_exp
  skip_factor skip_frame_thresh skip_threshold slice-max-size slice_height slice_width slicecrc sop spatial-aq spatial_aq ssim
  ssim_acc start_one_color_thresh static-thresh stereo_rematrixing still-picture strict_gop strip_number_adaptivity
  structured_slices surround_mixlev temporal-aq temporal_aq tier tile-columns tile-rows tile_cols tile_columns tile_height tile_rows
  tile_width tiles timecode_frame_start tolerance transform_skip tune-content udu_sei umv undershoot-pct usage use-inter-dct-only
  use-intra-dct-only use-intra-default-tx-only vad variance_aq vbr verbosity video_format vp8flags wavelet_depth wavelet_type
  weightb weighted_pred weightp zerocopy zerolatency
avoption private encode text: aom-params deblock gop_timecode layer_rates partitions preset psy-rd rav1e-params rc_eq
  svtav1-params ts-parameters tune vendor wpredp x264-params x264opts x265-params
avoption private format decode encode: code_size format frames_per_packet mode speed
avoption private format decode encode text: password
avoption private format encode text: fec
avoption private scaler decode encode: gamma
avoption scaler: center_mix_level cheby clev comp_duration dither_method dither_scale exact_rational filter_size filter_type
  first_pts ich ichl icl in_channel_count in_channel_layout in_chlayout in_sample_fmt in_sample_rate internal_sample_fmt isf isr
  kaiser_beta lfe_mix_level linear_interp matrix_encoding max_soft_comp min_comp min_hard_comp och ochl ocl osf osr
  out_channel_count out_channel_layout out_chlayout out_sample_fmt out_sample_rate output_sample_bits phase_shift precision
  rematrix_maxval rematrix_volume resample_cutoff resampler rmvol slev surround_mix_level swr_flags tsf uch used_channel_count
avoption scaler encode: alphablend dst_h_chr_pos dst_range dst_v_chr_pos param0 param1 src_h_chr_pos src_range src_v_chr_pos
  sws_dither sws_flags
option flag global: report vstats
option flag negatable global: auto_conversion_filters benchmark benchmark_all copy_unknown copyts debug_ts dump hex hide_banner
  ignore_unknown n psnr qphist recast_media start_at_zero stats stdin xerror y
option flag negatable input: accurate_seek find_stream_info fix_sub_duration re
option flag negatable input output: an bitexact dn sn vn
option flag negatable output: copyinkf force_fps shortest
option value: ? L bsfs buildconf codecs colors decoders demuxers devices dispositions encoders filters formats h help hwaccels
  layouts muxers pix_fmts protocols sample_fmts sinks sources version
option value global: abort_on adrift_threshold async copytb cpucount cpuflags dts_delta_threshold dts_error_threshold
  filter_complex filter_complex_script filter_complex_threads filter_hw_device filter_threads frame_drop_threshold init_hw_device
  lavfi loglevel max_alloc max_error_rate progress qsv_device sdp_file stats_period timelimit v vaapi_device vol vstats_file
  vstats_version vsync
option value input: canvas_size discard dump_attachment guess_layout_max hwaccel hwaccel_device hwaccel_output_format i isync
  itsoffset itsscale readrate reinit_filter seek_timestamp sseof stream_loop thread_queue_size
option value input output: ac acodec ar c ch_layout channel_layout codec dcodec f pix_fmt r s sample_fmt scodec ss t tag to top
  vcodec vtag
option value negatable input: autorotate
option value negatable output: autoscale
option value output: ab absf af aframes apad apre aq aspect atag attach b bits_per_raw_sample bsf chroma_intra_matrix copypriorss
  dframes disposition enc_time_base filter filter_script force_key_frames fpre fps_mode fpsmax frames fs inter_matrix intra_matrix
  map map_channel map_chapters map_metadata max_muxing_queue_size metadata muxdelay muxing_queue_data_threshold muxpreload pass
  passlogfile pre profile program q qscale rc_override spre stag streamid target time_base timecode timestamp vbsf vf vframes vpre
unread: async dst_format dsth dstw passlogfile sources src_format srch srcw stats streamid top y
end 1358
`) as OptionTable
